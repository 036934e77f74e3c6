/**
 * Whether this process can recover without a restart. An orchestrator restarts it if not, so in doubt the answer is
 * yes: an unreachable server is no reason. Pure except for its timer.
 *
 * A blocked event loop answers no probe, so that probe times out. This class detects a loop that is blocked again and
 * again but answers a probe now and then.
 */

/** How often the event loop is checked, in milliseconds. */
const TICK_MS = 1000;
/** Shortest stall that counts, in milliseconds: about how long an orchestrator waits for an answer. */
const MIN_STALL_MS = 5000;
const WINDOW_MS = 60_000;
const MAX_STALLED_MS = 30_000;

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
  #check: (() => void) | undefined;

  start(): void {
    let before = performance.eventLoopUtilization();
    this.#check = () => {
      const now = performance.eventLoopUtilization();
      this.tick(performance.now(), performance.eventLoopUtilization(now, before).active);
      before = now;
    };
    this.#timer = setInterval(this.#check, TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Called at least once a second while the event loop runs.
   *
   * @param activeMs how long the loop was busy since the last tick. Idle time does not count, not even of a suspended
   *   process.
   */
  tick(nowMs: number, activeMs: number): void {
    const fromMs = Math.max(this.#tickedAtMs ?? nowMs, nowMs - activeMs);
    if (nowMs - fromMs >= MIN_STALL_MS) this.#stalls.push({ fromMs, toMs: nowMs });
    this.#stalls = this.#stalls.filter(({ toMs }) => toMs > nowMs - WINDOW_MS);
    this.#tickedAtMs = nowMs;
  }

  /** The current faults; undefined: none. */
  faults(nowMs: number): LivenessFaults {
    // A loop that was blocked answers probes before its timers run.
    this.#check?.();
    return { eventLoop: this.#eventLoopFault(nowMs) };
  }

  #eventLoopFault(nowMs: number): string | undefined {
    const stalled = (sum: number, { fromMs, toMs }: Stall) =>
      sum + Math.max(0, toMs - Math.max(fromMs, nowMs - WINDOW_MS));
    const stalledMs = this.#stalls.reduce(stalled, 0);
    if (stalledMs < MAX_STALLED_MS) return undefined;
    return `the event loop was blocked for ${Math.round(stalledMs / 1000)} s of the last minute`;
  }
}
