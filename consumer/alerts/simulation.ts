/**
 * Which notices there would have been: the rules, the shapes and the policy of the consumer, fed with records in the order of
 * their times, on a clock that follows them. Pure.
 */
import type { StoredRecord } from '../../src/record.js';
import { type AlertEvent, createEventsOf, type EventsOf, type Example, keyOf, merged } from './event.js';
import { type DigestNotice, digestOf, type ErrorNotice, recordsOf } from './notice.js';
import { decide, NEW_AFTER_MS, type PolicySettings, type UntoldGroup } from './policy.js';
import type { AlertRule } from './rules.js';

export interface SimulatedNotice {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly content: ErrorNotice | DigestNotice;
}

/** The consumer looks once in so long. */
const TICK_MS = 1000;
const HOUR_MS = 3_600_000;

interface Group {
  event: AlertEvent;
  untoldSinceMs: number;
  toldAtMs: number | undefined;
  newestMs: number;
  isNew: boolean;
  digestOnly: boolean;
}

export class Simulation {
  readonly notices: SimulatedNotice[] = [];
  readonly #policy: PolicySettings;
  readonly #eventsOf: EventsOf;
  readonly #groups = new Map<string, Group>();
  readonly #untold = new Map<string, Group>();
  /** When the next look may find something to tell by itself. */
  #lookMs = Number.POSITIVE_INFINITY;
  #toldAloneMs: number[] = [];
  #lastDigestMs: number | undefined;

  constructor(rules: readonly AlertRule[], policy: PolicySettings) {
    this.#policy = policy;
    this.#eventsOf = createEventsOf(rules);
  }

  /** Not earlier than the one before. */
  add(record: StoredRecord): void {
    const ms = Date.parse(record.timestamp);
    const [event] = this.#eventsOf([record]);
    this.advance(ms);
    if (event !== undefined) this.#collect(event, ms);
  }

  /** Lets the time go by. */
  advance(untilMs: number): void {
    for (let next = this.#nextMs(); next <= untilMs; next = this.#nextMs()) this.#look(next);
  }

  #collect(event: AlertEvent, ms: number): void {
    const key = keyOf(event);
    const known = this.#groups.get(key);
    const group: Group = known ?? {
      ...{ event, untoldSinceMs: ms, toldAtMs: undefined, newestMs: ms, isNew: true, digestOnly: false },
    };
    if (known !== undefined && ms - known.newestMs > NEW_AFTER_MS) group.isNew = true;
    group.newestMs = ms;
    if (this.#untold.has(key)) {
      group.event = merged(group.event, event);
    } else {
      group.event = event;
      group.untoldSinceMs = ms;
      this.#untold.set(key, group);
      const { toldAtMs } = group;
      if (toldAtMs === undefined || ms - toldAtMs >= this.#policy.repeatMs) {
        this.#lookMs = Math.min(this.#lookMs, ms + TICK_MS);
      }
    }
    this.#groups.set(key, group);
  }

  #nextMs(): number {
    if (this.#untold.size === 0) return Number.POSITIVE_INFINITY;
    const { digestMs } = this.#policy;
    // In the order in which they came: the first is the oldest.
    const [oldest] = this.#untold.values();
    const digestDueMs = Math.max(oldest!.untoldSinceMs, this.#lastDigestMs ?? Number.NEGATIVE_INFINITY) + digestMs;
    return Math.min(this.#lookMs, digestDueMs);
  }

  #look(nowMs: number): void {
    this.#lookMs = Number.POSITIVE_INFINITY;
    this.#toldAloneMs = this.#toldAloneMs.filter((ms) => nowMs - ms < HOUR_MS);
    const groups = [...this.#untold].map(([key, group]) => ({ ...stateOf(group), key })).sort(byWeight);
    const state = { nowMs, groups, toldAloneMs: this.#toldAloneMs, lastDigestMs: this.#lastDigestMs };
    const { alone, digestOnly, digest } = decide(state, this.#policy);
    for (const { key } of alone) {
      const { event, isNew } = this.#groups.get(key)!;
      const { example, ...summary } = event;
      const content = { kind: 'error', group: { ...summary, isNew }, example: JSON.parse(example) as Example } as const;
      this.notices.push({ atMs: nowMs, content });
      this.#toldAloneMs.push(nowMs);
      this.#tell(key, nowMs);
    }
    for (const { key } of digestOnly) this.#groups.get(key)!.digestOnly = true;
    if (digest.length === 0) return;
    const all = { groups: digest.length, records: recordsOf(digest) };
    const summaries = digest.map(({ shape, title, service, level, records, first, last, isNew }) => {
      return { shape, title, service, level, records, first, last, isNew };
    });
    this.notices.push({ atMs: nowMs, content: digestOf(summaries, all) });
    this.#lastDigestMs = nowMs;
    for (const { key } of digest) this.#tell(key, nowMs);
  }

  #tell(key: string, nowMs: number): void {
    const group = this.#groups.get(key)!;
    Object.assign(group, { toldAtMs: nowMs, isNew: false, digestOnly: false });
    this.#untold.delete(key);
  }
}

function stateOf({ event, ...state }: Group): UntoldGroup {
  const { example: _, ...summary } = event;
  return { ...summary, ...state };
}

/** As the consumer reads them from its table. */
function byWeight(one: UntoldGroup, other: UntoldGroup): number {
  if (one.level !== other.level) return one.level === 'CRITICAL' ? -1 : 1;
  if (one.isNew !== other.isNew) return one.isNew ? -1 : 1;
  return other.records - one.records;
}
