/** What goes when the buffer is full, and the count of it. */
import { LEVELS, type Level, severity } from '../level.js';
import type { Lane } from './lane.js';

export type ShedReason = 'buffer full' | 'unsent at close' | 'logged after close' | 'larger than the broker allows';

/** How many records were shed, of which level and why. */
export type ShedCounts = { [L in Level]?: { [R in ShedReason]?: number } };

/**
 * The lane whose oldest frame makes room for an incoming record: of the lowest level that is kept and not in flight.
 * None when the incoming record is lower than all of that: then it is the one to go. Pure.
 */
export function chooseVictim(lanes: Iterable<Lane>, incoming: Level): Lane | undefined {
  let victim: Lane | undefined;
  for (const lane of lanes) {
    if (!lane.hasWaiting && !lane.hasOpenLines) continue;
    if (severity(lane.level) > severity(incoming)) continue;
    if (victim === undefined || severity(lane.level) < severity(victim.level)) victim = lane;
  }
  return victim;
}

const REMEDIES: Readonly<Record<ShedReason, string>> = {
  'buffer full': 'Raise bufferBytes, or see why the broker does not take them.',
  'unsent at close': 'The broker did not confirm them within exitTimeoutMs: see why, or raise it.',
  'logged after close': 'They were logged when the logger was closed already, or the process ending.',
  'larger than the broker allows': "Lower maxRecordBytes, or raise the broker's max_message_size.",
};

/** A flood of shed records is told in one sentence each so often. */
const TELL_EVERY_MS = 10_000;

/** Counts what is shed and tells it: nothing is lost silently. */
export class ShedLedger {
  readonly #tell: (sentence: string) => void;
  readonly #counts = new Map<Level, Map<ShedReason, number>>();
  readonly #untold = new Map<ShedReason, number>();
  #total = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(tell: (sentence: string) => void) {
    this.#tell = tell;
  }

  get total(): number {
    return this.#total;
  }

  count(level: Level, reason: ShedReason, records: number): void {
    if (records === 0) return;
    const ofLevel = this.#counts.get(level) ?? new Map<ShedReason, number>();
    this.#counts.set(level, ofLevel.set(reason, (ofLevel.get(reason) ?? 0) + records));
    this.#untold.set(reason, (this.#untold.get(reason) ?? 0) + records);
    this.#total += records;
    if (performance.now() - this.#toldAtMs >= TELL_EVERY_MS) this.tell();
  }

  counts(): ShedCounts {
    const result: ShedCounts = {};
    for (const level of LEVELS) {
      const ofLevel = this.#counts.get(level);
      if (ofLevel) result[level] = Object.fromEntries(ofLevel);
    }
    return result;
  }

  /** Says what was shed since it was said last. */
  tell(): void {
    if (this.#untold.size === 0) return;
    const reasons = [...this.#untold];
    this.#untold.clear();
    this.#toldAtMs = performance.now();
    const parts = reasons.map(([reason, records]) => `${records} (${reason})`);
    const remedies = reasons.map(([reason]) => REMEDIES[reason]);
    this.#tell(`records given up: ${parts.join(', ')}; ${this.#total} in all since the start. ${remedies.join(' ')}`);
  }
}
