/**
 * Whether this process can go on by itself. An orchestrator restarts it where it cannot, so it errs on the side of yes: a
 * server that is away is no reason. Pure but for its timer.
 *
 * A blocked event loop answers no probe, and that probe fails by its time-out. What this finds is a loop that is blocked
 * again and again but answers a probe now and then.
 */

/** How often the event loop is checked, in milliseconds. */
const TICK_MS = 1000;
/** As long as an orchestrator waits for an answer: what is shorter nobody notices. Milliseconds. */
const LEAST_STALL_MS = 5000;
const WINDOW_MS = 60_000;
const MOST_STALLED_MS = 30_000;

export interface LivenessFaults {
  readonly eventLoop?: string | undefined;
  readonly workers?: string | undefined;
}

interface Stall {
  readonly fromMs: number;
  readonly toMs: number;
}

export class Liveness {
  #stalls: Stall[] = [];
  #tickedAtMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    let before = performance.eventLoopUtilization();
    this.#timer = setInterval(() => {
      const now = performance.eventLoopUtilization();
      this.tick(performance.now(), performance.eventLoopUtilization(now, before).active);
      before = now;
    }, TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Once a second, where the loop turns.
   *
   * @param activeMs how long the loop was busy since the last tick. Idle time, also of a stopped process, is no fault.
   */
  tick(nowMs: number, activeMs: number): void {
    const fromMs = Math.max(this.#tickedAtMs ?? nowMs, nowMs - activeMs);
    if (nowMs - fromMs >= LEAST_STALL_MS) this.#stalls.push({ fromMs, toMs: nowMs });
    this.#stalls = this.#stalls.filter(({ toMs }) => toMs > nowMs - WINDOW_MS);
    this.#tickedAtMs = nowMs;
  }

  /** Each in words; undefined: well. */
  faults(nowMs: number): LivenessFaults {
    return { eventLoop: this.#eventLoopFault(nowMs) };
  }

  #eventLoopFault(nowMs: number): string | undefined {
    const stalled = (sum: number, { fromMs, toMs }: Stall) =>
      sum + Math.max(0, toMs - Math.max(fromMs, nowMs - WINDOW_MS));
    const stalledMs = this.#stalls.reduce(stalled, 0);
    if (stalledMs < MOST_STALLED_MS) return undefined;
    return `the event loop stood still for ${Math.round(stalledMs / 1000)} s of the last minute`;
  }
}
