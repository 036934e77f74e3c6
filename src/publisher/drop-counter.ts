/** What goes when the buffer is full, and the count of it. */
import { reasonOf } from '../errors.js';
import { LEVELS, type Level, severity } from '../level.js';
import type { Lane } from './lane.js';
import { tallyDropped } from './tally.js';

export type DropReason =
  | 'buffer full'
  | 'unsent at close'
  | 'unsent at exit'
  | 'logged after close'
  | 'call stack full'
  | 'larger than the broker allows';

/** How many records were dropped, of which level and why. */
export type DropCounts = { [L in Level]?: { [R in DropReason]?: number } };

/**
 * The lane whose oldest frame makes room for an incoming record: of the lowest level that is kept and not in flight, and
 * of all services the one with the oldest. None when the incoming record is lower than all of that: then it is the one to
 * go. Pure.
 */
export function chooseVictim(lanes: Iterable<Lane>, incoming: Level): Lane | undefined {
  let victim: Lane | undefined;
  for (const lane of lanes) {
    if (lane.oldest === undefined || severity(lane.level) > severity(incoming)) continue;
    if (victim === undefined || goesBefore(lane, victim)) victim = lane;
  }
  return victim;
}

function goesBefore(lane: Lane, other: Lane): boolean {
  const step = severity(lane.level) - severity(other.level);
  return step < 0 || (step === 0 && lane.oldest! < other.oldest!);
}

const REMEDIES: Readonly<Record<Exclude<DropReason, 'call stack full'>, string>> = {
  'buffer full': 'Raise bufferBytes, or see why the broker does not take them.',
  'unsent at close': 'The broker did not confirm them within exitTimeoutMs: see why, or raise it.',
  'unsent at exit':
    'The broker did not confirm them within exitTimeoutMs of the end of the process: see why, or raise it.',
  'logged after close': 'They were logged when the logger was closed already, or the process ending.',
  'larger than the broker allows': "Lower maxRecordBytes, or raise the broker's max_message_size.",
};

/** Of the two that the broker has not confirmed, where time was not what was missing. */
const NOT_SENDABLE = 'They could not be sent to the broker: see why.';

/** A flood of dropped records is told in one sentence each so often. */
const TELL_EVERY_MS = 10_000;
/** Who logs after close is mostly about to end, with more to come. */
const GATHER_MS = 1000;

/** Counts what is dropped and tells it: nothing is lost silently. */
export class DropCounter {
  readonly #tell: (sentence: string) => void;
  readonly #counts = new Map<Level, Map<DropReason, number>>();
  /** By reason, then by service and level. */
  readonly #untold = new Map<DropReason, Map<string, number>>();
  /** Whether the broker was there for what is given up as unsent, so that only time was short. */
  couldBeSent = true;
  readonly notAccepted = noneMissed();
  #notTakenTold = noneMissed();
  #total = 0;
  #untoldTotal = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #telling: 'by and by' | 'when asked' | 'at the very end' = 'by and by';
  /** At the very end: how many it takes for another line. */
  #lineFrom = 1;
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (sentence: string) => void) {
    this.#tell = tell;
  }

  get total(): number {
    return this.#total + totalOf(this.notAccepted);
  }

  count({ service, level }: { service: string; level: Level }, reason: DropReason, records: number): void {
    if (records === 0) return;
    add(entryOf(this.#counts, level), reason, records);
    tallyDropped({ service, level }, reason, records);
    add(entryOf(this.#untold, reason), `${service} ${level}`, records);
    this.#total += records;
    this.#untoldTotal += records;
    if (this.#telling === 'by and by') this.#tellSoon(reason === 'logged after close' ? GATHER_MS : 0);
    else if (this.#telling === 'at the very end' && this.#untoldTotal >= this.#lineFrom) this.tell();
  }

  counts(): DropCounts {
    const result: DropCounts = {};
    for (const level of LEVELS) {
      const ofLevel = this.#counts.get(level);
      if (ofLevel) result[level] = Object.fromEntries(ofLevel);
      if (this.notAccepted[level] > 0) result[level] = { ...result[level], 'call stack full': this.notAccepted[level] };
    }
    return result;
  }

  /** Nothing is told until `tell()` is called: there is more to come. */
  hold(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#telling = 'when asked';
  }

  /** Says soon what is new in `notAccepted`. Where nothing is, nearly always, it costs next to nothing. */
  tellNotTaken(): void {
    if (totalOf(this.notAccepted) !== totalOf(this.#notTakenTold) && this.#telling === 'by and by')
      this.#tellSoon(GATHER_MS);
  }

  /** Says what was dropped since it was said last. */
  tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#telling === 'when asked') this.#telling = 'by and by';
    const untold = this.#takeUntold();
    if (untold.length === 0) return;
    if (this.#telling === 'at the very end') this.#lineFrom *= 2;
    const parts = untold.map(([reason, lanes]) => part(reason, lanes));
    const remedies = untold.map(([reason]) => this.#remedy(reason));
    this.#toldAtMs = performance.now();
    this.#tell(`records given up: ${parts.join(', ')}; ${this.total} in all since the start. ${remedies.join(' ')}`);
  }

  #remedy(reason: DropReason): string {
    if (reason.startsWith('unsent') && !this.couldBeSent) return NOT_SENDABLE;
    if (reason !== 'call stack full') return REMEDIES[reason];
    const { error } = this.notAccepted;
    return `The application's call stack was full${error instanceof RangeError ? '' : `, or Loghive has a fault: please report it (${reasonOf(error)})`}.`;
  }

  #takeUntold(): (readonly [DropReason, ReadonlyMap<string, number>])[] {
    const untold: (readonly [DropReason, ReadonlyMap<string, number>])[] = [...this.#untold];
    this.#untold.clear();
    this.#untoldTotal = 0;
    const notAccepted = since(this.notAccepted, this.#notTakenTold);
    for (const [level, records] of notAccepted)
      tallyDropped({ service: '', level: level as Level }, 'call stack full', records);
    this.#notTakenTold = { ...this.notAccepted };
    if (notAccepted.size > 0) untold.push(['call stack full', notAccepted]);
    return untold;
  }

  /**
   * Says the same when the event loop will not turn again. What an exit listener still logs is told as it comes, for
   * nobody knows which record is the last one; many of them in few lines.
   */
  tellAtTheVeryEnd(): void {
    this.tell();
    this.#telling = 'at the very end';
  }

  #tellSoon(gatherMs: number): void {
    const waitMs = Math.max(gatherMs, this.#toldAtMs + TELL_EVERY_MS - performance.now());
    if (waitMs <= 0) this.tell();
    else this.#timer ??= setTimeout(() => this.tell(), waitMs).unref();
  }
}

function entryOf<K, V>(table: Map<K, Map<V, number>>, key: K): Map<V, number> {
  const entry = table.get(key) ?? new Map<V, number>();
  table.set(key, entry);
  return entry;
}

function add<K>(counts: Map<K, number>, key: K, records: number): void {
  counts.set(key, (counts.get(key) ?? 0) + records);
}

/** `12 (unsent at close: shop INFO 10, shop ERROR 2)` */
function part(reason: DropReason, lanes: ReadonlyMap<string, number>): string {
  const records = [...lanes.values()].reduce((sum, each) => sum + each, 0);
  return `${records} (${reason}: ${[...lanes].map(([lane, count]) => `${lane} ${count}`).join(', ')})`;
}

// Records that could not be taken because the application's call stack was full, by level. Whoever has no stack left can
// still add one to a number, for that is no call. Pure.

export type NotAccepted = Record<Level, number> & {
  /** What the last one failed with. */
  error: unknown;
};

export function noneMissed(): NotAccepted {
  return { DEBUG: 0, INFO: 0, WARNING: 0, ERROR: 0, CRITICAL: 0, error: undefined };
}

export function totalOf(notAccepted: NotAccepted): number {
  return notAccepted.DEBUG + notAccepted.INFO + notAccepted.WARNING + notAccepted.ERROR + notAccepted.CRITICAL;
}

/** `INFO 2, ERROR 1` of those that are not among `told`. */
export function since(notAccepted: NotAccepted, told: NotAccepted): ReadonlyMap<string, number> {
  const counts = LEVELS.map((level): [string, number] => [level, notAccepted[level] - told[level]]);
  return new Map(counts.filter(([, count]) => count > 0));
}
