/**
 * Simulates the notices: feeds records, ordered by time, to the rules, shapes and policy of the consumer, with a clock
 * that follows the records. Pure.
 */
import type { StoredRecord } from '../../src/record.js';
import { type AlertEvent, createEventsOf, type EventsOf, type Example, keyOf, merged } from './event.js';
import { type DigestNotice, digestOf, type ErrorNotice, recordsOf } from './notice.js';
import { decide, NEW_AFTER_MS, type PendingGroup, type PolicySettings } from './policy.js';
import type { AlertRule } from './rules.js';

export interface SimulatedNotice {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly content: ErrorNotice | DigestNotice;
}

/** Interval of the alert loop, in milliseconds. */
const TICK_MS = 1000;
const HOUR_MS = 3_600_000;

interface Group {
  event: AlertEvent;
  pendingSinceMs: number;
  notifiedAtMs: number | undefined;
  newestMs: number;
  isNew: boolean;
  digestOnly: boolean;
}

export class Simulation {
  readonly notices: SimulatedNotice[] = [];
  readonly #policy: PolicySettings;
  readonly #eventsOf: EventsOf;
  readonly #groups = new Map<string, Group>();
  readonly #pending = new Map<string, Group>();
  /** Next time at which an individual notice may be due. */
  #checkMs = Number.POSITIVE_INFINITY;
  #individualNoticesMs: number[] = [];
  #lastDigestMs: number | undefined;

  constructor(rules: readonly AlertRule[], policy: PolicySettings) {
    this.#policy = policy;
    this.#eventsOf = createEventsOf(rules);
  }

  /** Records must be ordered by time. */
  add(record: StoredRecord): void {
    const ms = Date.parse(record.timestamp);
    const [event] = this.#eventsOf([record]);
    this.advance(ms);
    if (event !== undefined) this.#collect(event, ms);
  }

  /** Advances the clock. */
  advance(untilMs: number): void {
    for (let next = this.#nextMs(); next <= untilMs; next = this.#nextMs()) this.#check(next);
  }

  #collect(event: AlertEvent, ms: number): void {
    const key = keyOf(event);
    const known = this.#groups.get(key);
    const group: Group = known ?? {
      ...{ event, pendingSinceMs: ms, notifiedAtMs: undefined, newestMs: ms, isNew: true, digestOnly: false },
    };
    if (known !== undefined && ms - known.newestMs > NEW_AFTER_MS) group.isNew = true;
    group.newestMs = ms;
    if (this.#pending.has(key)) {
      group.event = merged(group.event, event);
    } else {
      group.event = event;
      group.pendingSinceMs = ms;
      this.#pending.set(key, group);
      const { notifiedAtMs } = group;
      if (notifiedAtMs === undefined || ms - notifiedAtMs >= this.#policy.repeatMs) {
        this.#checkMs = Math.min(this.#checkMs, ms + TICK_MS);
      }
    }
    this.#groups.set(key, group);
  }

  #nextMs(): number {
    if (this.#pending.size === 0) return Number.POSITIVE_INFINITY;
    const { digestMs } = this.#policy;
    // Insertion order: the first is the oldest.
    const [oldest] = this.#pending.values();
    const digestDueMs = Math.max(oldest!.pendingSinceMs, this.#lastDigestMs ?? Number.NEGATIVE_INFINITY) + digestMs;
    return Math.min(this.#checkMs, digestDueMs);
  }

  #check(nowMs: number): void {
    this.#checkMs = Number.POSITIVE_INFINITY;
    this.#individualNoticesMs = this.#individualNoticesMs.filter((ms) => nowMs - ms < HOUR_MS);
    const groups = [...this.#pending].map(([key, group]) => ({ ...stateOf(group), key })).sort(byWeight);
    const state = { nowMs, groups, individualNoticesMs: this.#individualNoticesMs, lastDigestMs: this.#lastDigestMs };
    const { individual, digestOnly, digest } = decide(state, this.#policy);
    for (const { key } of individual) {
      const { event, isNew } = this.#groups.get(key)!;
      const { example, ...summary } = event;
      const content = { kind: 'error', group: { ...summary, isNew }, example: JSON.parse(example) as Example } as const;
      this.notices.push({ atMs: nowMs, content });
      this.#individualNoticesMs.push(nowMs);
      this.#markNotified(key, nowMs);
    }
    for (const { key } of digestOnly) this.#groups.get(key)!.digestOnly = true;
    if (digest.length === 0) return;
    const all = { groups: digest.length, records: recordsOf(digest) };
    const summaries = digest.map(({ shape, title, service, level, records, first, last, isNew }) => {
      return { shape, title, service, level, records, first, last, isNew };
    });
    this.notices.push({ atMs: nowMs, content: digestOf(summaries, all) });
    this.#lastDigestMs = nowMs;
    for (const { key } of digest) this.#markNotified(key, nowMs);
  }

  #markNotified(key: string, nowMs: number): void {
    const group = this.#groups.get(key)!;
    Object.assign(group, { notifiedAtMs: nowMs, isNew: false, digestOnly: false });
    this.#pending.delete(key);
  }
}

function stateOf({ event, ...state }: Group): PendingGroup {
  const { example: _, ...summary } = event;
  return { ...summary, ...state };
}

/** Sorts like the query of the consumer. */
function byWeight(one: PendingGroup, other: PendingGroup): number {
  if (one.level !== other.level) return one.level === 'CRITICAL' ? -1 : 1;
  if (one.isNew !== other.isNew) return one.isNew ? -1 : 1;
  return other.records - one.records;
}
