/**
 * When something of Loghive itself is worth an alert, and when it is over. What is told at the beginning stays until the end:
 * a number that changes each second is no news. docs/alerts.md says what to do about each.
 */
import { counted } from '../../src/sentence.js';
import type { Condition } from './alerts.js';
import { numeral } from './letter.js';

/** What a consumer knows of itself and its servers at one moment. */
export interface SelfState {
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** While PostgreSQL takes no records. */
  readonly storage: { readonly sinceMs: number; readonly reason: string } | undefined;
  /** Since the start of the process. */
  readonly deadLetters: number;
  /** Workers that died, since the start of the process. */
  readonly workerDeaths: number;
  readonly queues: readonly QueueState[];
  /** With records that were taken and are not stored yet: how long ago the oldest of them was published, in milliseconds. */
  readonly services: ReadonlyArray<{ readonly name: string; readonly oldestMs: number }>;
  /** After this time the broker deletes a message. Milliseconds. */
  readonly ttlMs: number;
}

export interface QueueState {
  readonly name: string;
  readonly messages: number;
  /** How full it is, by messages or by bytes: 0 to 1. */
  readonly share: number;
  /** Who takes messages from it, of any process. */
  readonly consumers: number;
}

/** What each is about: the first word of its key. Each has a section in docs/operations.md; a test holds the two equal. */
export const SELF_ALERTS = ['storage', 'dead-letters', 'workers', 'full', 'no-consumer', 'old'] as const;

type Key = (typeof SELF_ALERTS)[number] | `${(typeof SELF_ALERTS)[number]}:${string}`;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** [begins, ends]: a value that wavers about one limit is told once. */
const FULL = [0.8, 0.7] as const;
const OLD = [0.5, 0.4] as const;
const MANY_DEATHS = 3;
const DEATHS_WITHIN_MS = 10 * MINUTE_MS;

export class SelfWatch {
  readonly #tell: (key: string, condition: Condition) => void;
  readonly #process: string;
  readonly #active = new Map<Key, Condition>();
  /** Since when queues have nobody who takes from them. */
  readonly #lonelySinceMs = new Map<string, number>();
  #deadLetters = 0;
  #deadLetterMs = Number.NEGATIVE_INFINITY;
  #deaths = 0;
  #deathsMs: number[] = [];

  readonly #awayMs: number;

  /** @param awayMs how long PostgreSQL may be away before it is told, in milliseconds; the words say a minute. */
  constructor(
    alerts: { condition(key: string, condition: Condition): void; readonly process: string },
    awayMs: number = MINUTE_MS,
  ) {
    this.#awayMs = awayMs;
    this.#tell = (key, condition) => alerts.condition(key, condition);
    this.#process = alerts.process;
  }

  look(state: SelfState): void {
    this.#storage(state);
    this.#countDeadLetters(state);
    this.#countDeaths(state);
    for (const queue of state.queues) this.#queue(queue, state.nowMs);
    for (const { name, oldestMs } of state.services) this.#age(name, oldestMs, state);
    this.#endOfWhatIsGone(state);
  }

  #storage({ storage, nowMs }: SelfState): void {
    const isAway = storage !== undefined && nowMs - storage.sinceMs >= this.#awayMs;
    const sentence = `PostgreSQL has not taken records for a minute. ${storage?.reason ?? ''} Records wait in their queues meanwhile.`;
    this.#set('storage', isAway, sentence, storage?.sinceMs ?? nowMs);
  }

  #countDeadLetters({ deadLetters, nowMs }: SelfState): void {
    const more = deadLetters - this.#deadLetters;
    this.#deadLetters = deadLetters;
    if (more > 0) this.#deadLetterMs = nowMs;
    const words = counted(more, 'record was given up and is', 'records were given up and are');
    const sentence = `${words} in the table of dead letters now. Look there for the reason, and whether there are more.`;
    this.#set('dead-letters', nowMs - this.#deadLetterMs < HOUR_MS, sentence, nowMs);
  }

  #countDeaths({ workerDeaths, nowMs }: SelfState): void {
    for (; this.#deaths < workerDeaths; this.#deaths++) this.#deathsMs.push(nowMs);
    this.#deathsMs = this.#deathsMs.filter((ms) => nowMs - ms < DEATHS_WITHIN_MS).slice(-1000);
    const key: Key = `workers:${this.#process}`;
    const limit = this.#active.has(key) ? 1 : MANY_DEATHS;
    const sentence = `the workers of ${this.#process} have died ${counted(this.#deathsMs.length, 'time')} within 10 minutes. Look into its log.`;
    this.#set(key, this.#deathsMs.length >= limit, sentence, this.#deathsMs[0] ?? nowMs);
  }

  #queue({ name, messages, share, consumers }: QueueState, nowMs: number): void {
    const holds = (key: Key, value: number, [begins, ends]: readonly [number, number]) =>
      value >= (this.#active.has(key) ? ends : begins);
    const full: Key = `full:${name}`;
    this.#set(
      full,
      holds(full, share, FULL),
      `queue ${name} is ${Math.floor(share * 100)} % full (${counted(messages, 'message').replace(/^\d+/, numeral(messages))}). See to it that a consumer takes them and keeps up. A full queue takes no more, and producers keep their records.`,
      nowMs,
    );
    const isLonely = consumers === 0 && messages > 0;
    if (!isLonely) this.#lonelySinceMs.delete(name);
    else if (!this.#lonelySinceMs.has(name)) this.#lonelySinceMs.set(name, nowMs);
    const sinceMs = this.#lonelySinceMs.get(name) ?? nowMs;
    this.#set(
      `no-consumer:${name}`,
      isLonely && nowMs - sinceMs >= MINUTE_MS,
      `nobody takes messages from queue ${name}. Start a consumer for its service.`,
      sinceMs,
    );
  }

  #age(service: string, oldestMs: number, { ttlMs, nowMs }: SelfState): void {
    const key: Key = `old:${service}`;
    const [begins, ends] = OLD;
    this.#set(
      key,
      oldestMs / ttlMs >= (this.#active.has(key) ? ends : begins),
      `the oldest record of service ${service} that waits was published ${ageText(oldestMs)} ago. After ${ageText(ttlMs)} the broker deletes it. See to it that a consumer stores it before.`,
      nowMs - oldestMs,
    );
  }

  /** A queue that is no longer there has no trouble, and neither has a service without records in hand. */
  #endOfWhatIsGone({ queues, services, nowMs }: SelfState): void {
    const names = new Set([
      ...queues.flatMap(({ name }) => [`full:${name}`, `no-consumer:${name}`]),
      ...services.map(({ name }) => `old:${name}`),
    ]);
    for (const key of this.#active.keys()) {
      if (/^(?:full|old|no-consumer):/.test(key) && !names.has(key)) this.#set(key, false, '', nowMs);
    }
  }

  #set(key: Key, active: boolean, sentence: string, sinceMs: number): void {
    const known = this.#active.get(key);
    if (!active && known === undefined) return;
    if (!active) this.#active.delete(key);
    else if (known === undefined) this.#active.set(key, { active, sentence, sinceMs });
    this.#tell(key, active ? this.#active.get(key)! : { active, sentence, sinceMs });
  }
}

function ageText(ms: number): string {
  if (ms >= 2 * DAY_MS) return `${(ms / DAY_MS).toFixed(1).replace('.0', '')} days`;
  return ms >= 2 * HOUR_MS ? `${Math.round(ms / HOUR_MS)} hours` : counted(Math.round(ms / MINUTE_MS), 'minute');
}
