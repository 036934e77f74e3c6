/**
 * What logging costs the application's thread: delays of its event loop, and durations of logging calls. Both exclude the
 * time for which other processes had the CPUs: here the broker runs on the same machine.
 */
import { openSync, readSync } from 'node:fs';

const EVERY_MS = 1;

/** Of the main thread: time on a CPU and time spent waiting for one, in nanoseconds; number of time slices. */
const schedstat = openSync('/proc/self/schedstat');
const content = Buffer.alloc(100);

/** How long the thread has used a CPU, and has waited for one, in milliseconds. */
function usage() {
  // Without this call, Linux would count the current time slice only when it ends.
  process.cpuUsage();
  const bytes = readSync(schedstat, content, 0, content.length, 0);
  const [used, waited] = content.latin1Slice(0, bytes).split(' ');
  return { usedMs: Number(used) / 1e6, waitedMs: Number(waited) / 1e6 };
}

/**
 * Node's `monitorEventLoopDelay()` counts a second without progress as one delay among hundreds, so that its 99th
 * percentile does not show it. Here each gap is weighted by its length: a request at a random moment falls into a gap of
 * at most `p99` in 99 of 100 cases.
 *
 * @returns a meter; its `end()` stops measuring and returns `{ p50, p99, max }` in microseconds
 */
export function watchLoop() {
  const gaps = [];
  let lastMs = performance.now();
  let last = usage();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const now = usage();
    const passedMs = nowMs - lastMs - (now.waitedMs - last.waitedMs);
    // Also the threads that help with garbage collection may wait for a CPU, and an idle virtual CPU may wake up late.
    gaps.push(Math.min(passedMs, now.usedMs - last.usedMs + EVERY_MS));
    lastMs = nowMs;
    last = now;
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

/** @returns a meter; its `end()` returns `{ p50, p999, max }` in microseconds */
export function watchCalls() {
  const durations = [];
  return {
    /** Runs `call` with each of these numbers, one after the other, and measures each. */
    time(first, end, call) {
      const before = usage().waitedMs;
      let longest = durations.length;
      for (let n = first; n < end; n++) {
        const startedMs = performance.now();
        call(n);
        durations.push(performance.now() - startedMs);
        if (durations.at(-1) > durations[longest]) longest = durations.length - 1;
      }
      // Asking before and after each call would take longer than most calls. If there was a wait, it was in the longest.
      durations[longest] = Math.max(0, durations[longest] - (usage().waitedMs - before));
    },
    end() {
      durations.sort((a, b) => a - b);
      const at = (share) => 1000 * durations[Math.min(durations.length - 1, Math.floor(durations.length * share))];
      return { p50: at(0.5), p999: at(0.999), max: at(1) };
    },
  };
}
