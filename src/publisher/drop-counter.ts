/** Chooses what to drop when the buffer is full, and counts it. */
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
  | 'larger than the broker allows'
  | 'unreadable on disk';

/** Number of dropped records by level and reason. */
export type DropCounts = { [L in Level]?: { [R in DropReason]?: number } };

/**
 * The lane whose oldest frame makes room for an incoming record: of the lowest level that is waiting, the service with
 * the oldest frame. Undefined if the incoming record is lower than all of them; then it is dropped itself. Pure.
 */
export function chooseVictim(lanes: Iterable<Lane>, incoming: Level): Lane | undefined {
  let victim: Lane | undefined;
  for (const lane of lanes) {
    if (lane.oldest === undefined || severity(lane.level) > severity(incoming)) continue;
    if (victim === undefined || isDroppedBefore(lane, victim)) victim = lane;
  }
  return victim;
}

function isDroppedBefore(lane: Lane, other: Lane): boolean {
  const step = severity(lane.level) - severity(other.level);
  return step < 0 || (step === 0 && lane.oldest! < other.oldest!);
}

const REMEDIES: Readonly<Record<Exclude<DropReason, 'call stack full'>, string>> = {
  'buffer full': 'Raise spool.maxBytes or bufferBytes, or check why the broker does not accept them.',
  'unsent at close': 'The broker did not confirm them in time: check why, or raise exitTimeoutMs.',
  'unsent at exit':
    'The broker did not confirm them within exitTimeoutMs of the end of the process: check why, or raise it.',
  'logged after close': 'They were logged after the logger was closed, or while the process ended.',
  'unreadable on disk': 'Files of the spool were damaged or deleted.',
  'larger than the broker allows': "Lower maxRecordBytes, or raise the broker's max_message_size.",
};

/** For unsent records that did not fail for lack of time. */
const NOT_SENDABLE = 'They could not be sent to the broker: check why.';

/** How often dropped records are reported at most, in milliseconds. */
const REPORT_EVERY_MS = 10_000;
/**
 * Delay of the report, in milliseconds, if more is likely to follow: after a close, and while the call stack is
 * exhausted.
 */
const GATHER_MS = 1000;

/** Counts and reports dropped records: nothing is lost silently. */
export class DropCounter {
  readonly #write: (sentence: string) => void;
  readonly #counts = new Map<Level, Map<DropReason, number>>();
  /** Counts that are not reported yet: by reason, then by service and level. */
  readonly #unreported = new Map<DropReason, Map<string, number>>();
  /** Whether the broker was reachable when records were dropped as unsent, so that only time was short. */
  couldBeSent = true;
  readonly notAccepted = noneNotAccepted();
  #notAcceptedReported = noneNotAccepted();
  #total = 0;
  #unreportedTotal = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #mode: 'delayed' | 'held' | 'immediate' = 'delayed';
  /** In the mode `immediate`: the number of unreported records that causes the next line. Each line doubles it. */
  #reportFrom = 1;
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (sentence: string) => void) {
    this.#write = write;
  }

  get total(): number {
    return this.#total + totalOf(this.notAccepted);
  }

  count({ service, level }: { service: string; level: Level }, reason: DropReason, records: number): void {
    if (records === 0) return;
    add(entryOf(this.#counts, level), reason, records);
    tallyDropped({ service, level }, reason, records);
    add(entryOf(this.#unreported, reason), `${service} ${level}`, records);
    this.#total += records;
    this.#unreportedTotal += records;
    if (this.#mode === 'delayed') this.#reportSoon(reason === 'logged after close' ? GATHER_MS : 0);
    else if (this.#mode === 'immediate' && this.#unreportedTotal >= this.#reportFrom) this.report();
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

  /** Reports nothing until `report()`: more drops will follow. */
  hold(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#mode = 'held';
  }

  /** Reports soon what is new in `notAccepted`. Called for each record, so it must be cheap. */
  reportNotAccepted(): void {
    if (totalOf(this.notAccepted) !== totalOf(this.#notAcceptedReported) && this.#mode === 'delayed')
      this.#reportSoon(GATHER_MS);
  }

  /** Reports what was dropped since the last report. */
  report(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#mode === 'held') this.#mode = 'delayed';
    const unreported = this.#takeUnreported();
    if (unreported.length === 0) return;
    if (this.#mode === 'immediate') this.#reportFrom *= 2;
    const parts = unreported.map(([reason, lanes]) => part(reason, lanes));
    const remedies = unreported.map(([reason]) => this.#remedy(reason));
    this.#reportedAtMs = performance.now();
    this.#write(`records dropped: ${parts.join(', ')}; ${this.total} in total since the start. ${remedies.join(' ')}`);
  }

  #remedy(reason: DropReason): string {
    if (reason.startsWith('unsent') && !this.couldBeSent) return NOT_SENDABLE;
    if (reason !== 'call stack full') return REMEDIES[reason];
    const { error } = this.notAccepted;
    return `The application's call stack was exhausted${error instanceof RangeError ? '' : `, or this is a bug in Loghive: please report it (${reasonOf(error)})`}.`;
  }

  #takeUnreported(): (readonly [DropReason, ReadonlyMap<string, number>])[] {
    const unreported: (readonly [DropReason, ReadonlyMap<string, number>])[] = [...this.#unreported];
    this.#unreported.clear();
    this.#unreportedTotal = 0;
    const notAccepted = since(this.notAccepted, this.#notAcceptedReported);
    for (const [level, records] of notAccepted)
      tallyDropped({ service: '', level: level as Level }, 'call stack full', records);
    this.#notAcceptedReported = { ...this.notAccepted };
    if (notAccepted.size > 0) unreported.push(['call stack full', notAccepted]);
    return unreported;
  }

  /**
   * Reports now, and from now on immediately, because the event loop does not run any more: any record that an `exit`
   * listener logs may be the last one. Many records are reported in few lines.
   */
  reportImmediately(): void {
    this.report();
    this.#mode = 'immediate';
  }

  #reportSoon(gatherMs: number): void {
    const waitMs = Math.max(gatherMs, this.#reportedAtMs + REPORT_EVERY_MS - performance.now());
    if (waitMs <= 0) this.report();
    else this.#timer ??= setTimeout(() => this.report(), waitMs).unref();
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

// Records that could not be accepted because the application's call stack was exhausted, by level. Incremented without
// a function call, which could throw again. Pure.

export type NotAccepted = Record<Level, number> & {
  /** The last error. */
  error: unknown;
};

export function noneNotAccepted(): NotAccepted {
  return { DEBUG: 0, INFO: 0, WARNING: 0, ERROR: 0, CRITICAL: 0, error: undefined };
}

export function totalOf(notAccepted: NotAccepted): number {
  return notAccepted.DEBUG + notAccepted.INFO + notAccepted.WARNING + notAccepted.ERROR + notAccepted.CRITICAL;
}

/** Counts per level of what is not in `reported`: `INFO 2, ERROR 1`. */
export function since(notAccepted: NotAccepted, reported: NotAccepted): ReadonlyMap<string, number> {
  const counts = LEVELS.map((level): [string, number] => [level, notAccepted[level] - reported[level]]);
  return new Map(counts.filter(([, count]) => count > 0));
}
