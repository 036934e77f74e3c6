/** Measures how long the event loop is blocked: nothing is received meanwhile, so the silence of a peer does not count. */

/** How often to look, in milliseconds. Shorter delays are not noticed. */
const TICK_MS = 100;

export interface BlockedTime {
  /** How long the event loop was blocked since the start, in milliseconds. */
  readonly ms: number;
  stop(): void;
}

/** Starts measuring. Does not keep the process running. */
export function measureBlockedTime(): BlockedTime {
  let blockedMs = 0;
  let tickedAtMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    blockedMs += Math.max(0, nowMs - tickedAtMs - TICK_MS);
    tickedAtMs = nowMs;
  }, TICK_MS).unref();
  return {
    get ms() {
      return blockedMs + Math.max(0, performance.now() - tickedAtMs - TICK_MS);
    },
    stop: () => clearInterval(timer),
  };
}
