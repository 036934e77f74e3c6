/**
 * Measures event loop delay. Node's `monitorEventLoopDelay()` counts a second without progress as one delay among
 * hundreds, so that its 99th percentile does not show it. Here each gap is weighted by its length: a request at a
 * random moment falls into a gap of at most `p99` in 99 of 100 cases. Gaps only count as far as this process used the
 * CPU, so that time used by the broker or other processes is excluded.
 */

const EVERY_MS = 1;

/** @returns a meter; its `end()` stops measuring and returns `{ p50, p99, max }` in microseconds */
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
      return { p50: 1000 * gapAt(gaps, whole * 0.5), p99: 1000 * gapAt(gaps, whole * 0.99), max: 1000 * gaps.at(-1) };
    },
  };
}

/** The gap at which the total time of all gaps up to its length reaches this value. */
function gapAt(gaps, untilMs) {
  let passedMs = 0;
  for (const gap of gaps) {
    passedMs += gap;
    if (passedMs >= untilMs) return gap;
  }
  return gaps.at(-1);
}
