/**
 * How late the event loop is. Node's own `monitorEventLoopDelay()` counts a second in which nothing moved as one delay among
 * hundreds, so that the 99th percentile does not show it. Here each moment counts: a request that comes at any of them
 * finds the loop held up for less than `p99` in 99 of 100 cases. And a gap counts as far as this process has worked in it:
 * where the broker or somebody else had the processor meanwhile, that says nothing of Loghive.
 */

const EVERY_MS = 1;

/** @returns ends it, and gives `{ p50, p99, max }` in microseconds */
export function watchLoop() {
  const gaps = [];
  let lastMs = performance.now();
  let lastCpu = process.cpuUsage();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const { user, system } = process.cpuUsage(lastCpu);
    gaps.push(Math.min(nowMs - lastMs, EVERY_MS + (user + system) / 1000));
    lastMs = nowMs;
    lastCpu = process.cpuUsage();
  }, EVERY_MS);
  return {
    end() {
      clearInterval(timer);
      gaps.sort((a, b) => a - b);
      const whole = gaps.reduce((sum, gap) => sum + gap, 0);
      return { p50: 1000 * heldUp(gaps, whole * 0.5), p99: 1000 * heldUp(gaps, whole * 0.99), max: 1000 * gaps.at(-1) };
    },
  };
}

/** The gap that ends when the shorter ones and this one have taken so much time together. */
function heldUp(gaps, untilMs) {
  let passedMs = 0;
  for (const gap of gaps) {
    passedMs += gap;
    if (passedMs >= untilMs) return gap;
  }
  return gaps.at(-1);
}
