const OUT_OF_TIME = new Error('the last attempt did not finish in time');

/**
 * Polls `fn` until it returns something truthy without throwing, and returns that. A function that asserts and returns
 * nothing counts as well: undefined is success, false and null are not.
 */
export async function eventually(fn, { withinMs = 10_000, everyMs = 25, what = '' } = {}) {
  const startedAt = performance.now();
  let lastFailure;
  let attempts = 0;
  for (;;) {
    attempts += 1;
    try {
      const value = await withDeadline(fn, withinMs - (performance.now() - startedAt));
      if (value || value === undefined) return value;
      lastFailure = new Error(`it returned ${JSON.stringify(value)}`);
    } catch (error) {
      // An attempt that was cut off by the deadline is less informative than the previous one.
      if (error !== OUT_OF_TIME || lastFailure === undefined) lastFailure = error;
    }
    if (performance.now() - startedAt + everyMs > withinMs) {
      const reason = lastFailure instanceof Error ? lastFailure.message : String(lastFailure);
      const subject = what === '' ? 'the condition' : what;
      throw new Error(`${subject} did not hold within ${withinMs} ms (${attempts} attempts). Last failure: ${reason}`, {
        cause: lastFailure,
      });
    }
    await sleep(everyMs);
  }
}

/** Waits by a timer. For polling intervals and the duration of faults, never to wait for something to happen. */
export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A condition that hangs must not exceed the deadline. */
async function withDeadline(fn, ms) {
  let timer;
  const expiry = new Promise((_, reject) => {
    timer = setTimeout(() => reject(OUT_OF_TIME), Math.max(ms, 1));
  });
  try {
    return await Promise.race([fn(), expiry]);
  } finally {
    clearTimeout(timer);
  }
}
