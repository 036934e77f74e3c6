/**
 * Detects problems of Loghive itself, and when they are resolved. The message is fixed when a problem starts: a number
 * that changes every second is not news. docs/alerts.md says what to do about each.
 */
import { counted } from '../../src/sentence.js';
import type { Condition } from './alerts.js';
import { numeral } from './message.js';

/** State of a consumer and its servers at one moment. */
export interface SelfState {
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** Set while PostgreSQL does not accept records. */
  readonly storage: { readonly sinceMs: number; readonly reason: string } | undefined;
  /** Number of dead letters since the start of the process. */
  readonly deadLetters: number;
  /** Number of worker crashes since the start of the process. */
  readonly workerCrashes: number;
  readonly queues: readonly QueueState[];
  /**
   * Services with consumed records that are not stored yet, and the age of the oldest one since it was published, in
   * milliseconds.
   */
  readonly services: ReadonlyArray<{ readonly name: string; readonly oldestMs: number }>;
  /** Time after which the broker deletes a message, in milliseconds. */
  readonly ttlMs: number;
}

export interface QueueState {
  readonly name: string;
  readonly messages: number;
  /** Fill level by messages or bytes, whichever is higher: 0 to 1. */
  readonly share: number;
  /** Number of consumers, of any process. */
  readonly consumers: number;
}

/** Kinds of problems: the first part of each key. Each has a section in docs/operations.md; a test compares the two. */
export const SELF_ALERTS = ['storage', 'dead-letters', 'workers', 'full', 'no-consumer', 'old'] as const;

type Key = (typeof SELF_ALERTS)[number] | `${(typeof SELF_ALERTS)[number]}:${string}`;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** [start, end] thresholds: a value that fluctuates around one limit is reported once. */
const FULL = [0.8, 0.7] as const;
const OLD = [0.5, 0.4] as const;
const MIN_CRASHES = 3;
const CRASH_WINDOW_MS = 10 * MINUTE_MS;

export class SelfWatch {
  readonly #report: (key: string, condition: Condition) => void;
  readonly #process: string;
  readonly #active = new Map<Key, Condition>();
  /** Per queue: since when it has had messages but no consumer. */
  readonly #noConsumerSinceMs = new Map<string, number>();
  #deadLetters = 0;
  #deadLetterMs = Number.NEGATIVE_INFINITY;
  #crashes = 0;
  #crashesMs: number[] = [];

  readonly #unreachableMs: number;

  /**
   * @param unreachableMs how long PostgreSQL may be unavailable before it is reported, in milliseconds. The message
   *   says one minute.
   */
  constructor(
    alerts: { condition(key: string, condition: Condition): void; readonly process: string },
    unreachableMs: number = MINUTE_MS,
  ) {
    this.#unreachableMs = unreachableMs;
    this.#report = (key, condition) => alerts.condition(key, condition);
    this.#process = alerts.process;
  }

  update(state: SelfState): void {
    this.#storage(state);
    this.#countDeadLetters(state);
    this.#countCrashes(state);
    for (const queue of state.queues) {
      this.#fill(queue, state.nowMs);
      this.#consumers(queue, state);
    }
    for (const { name, oldestMs } of state.services) this.#age(name, oldestMs, state);
    this.#resolveRemoved(state);
  }

  #storage({ storage, nowMs }: SelfState): void {
    const isUnavailable = storage !== undefined && nowMs - storage.sinceMs >= this.#unreachableMs;
    // The first sentence is the subject of the mail.
    const reason = storage?.reason === undefined ? '' : ` Reason: ${storage.reason}`;
    const sentence = `PostgreSQL has not accepted records for a minute.${reason} Records stay in their queues until it does.`;
    this.#set('storage', isUnavailable, sentence, storage?.sinceMs ?? nowMs);
  }

  #countDeadLetters({ deadLetters, nowMs }: SelfState): void {
    const more = deadLetters - this.#deadLetters;
    this.#deadLetters = deadLetters;
    if (more > 0) this.#deadLetterMs = nowMs;
    const words = counted(
      more,
      'record could not be stored and became a dead letter',
      'records could not be stored and became dead letters',
    );
    const sentence = `${words}. See the table dead_letters for the reason, and for further records.`;
    this.#set('dead-letters', nowMs - this.#deadLetterMs < HOUR_MS, sentence, nowMs);
  }

  #countCrashes({ workerCrashes, nowMs }: SelfState): void {
    for (; this.#crashes < workerCrashes; this.#crashes++) this.#crashesMs.push(nowMs);
    this.#crashesMs = this.#crashesMs.filter((ms) => nowMs - ms < CRASH_WINDOW_MS).slice(-1000);
    const key: Key = `workers:${this.#process}`;
    const limit = this.#active.has(key) ? 1 : MIN_CRASHES;
    const sentence = `the workers of ${this.#process} crashed ${counted(this.#crashesMs.length, 'time')} within 10 minutes. Check its log.`;
    this.#set(key, this.#crashesMs.length >= limit, sentence, this.#crashesMs[0] ?? nowMs);
  }

  #fill({ name, messages, share }: QueueState, nowMs: number): void {
    const isActive = (key: Key, value: number, [begins, ends]: readonly [number, number]) =>
      value >= (this.#active.has(key) ? ends : begins);
    const full: Key = `full:${name}`;
    this.#set(
      full,
      isActive(full, share, FULL),
      `queue ${name} is ${Math.floor(share * 100)} % full (${counted(messages, 'message').replace(/^\d+/, numeral(messages))}). Check that a consumer is running and keeps up. A full queue rejects messages, and producers buffer their records.`,
      nowMs,
    );
  }

  #consumers({ name, messages, consumers }: QueueState, { storage, nowMs }: SelfState): void {
    // Consumers unsubscribe while PostgreSQL is down for long. That has its own alert, and is no problem of a queue.
    if (storage !== undefined) {
      this.#noConsumerSinceMs.delete(name);
      return;
    }
    const hasNoConsumer = consumers === 0 && messages > 0;
    if (!hasNoConsumer) this.#noConsumerSinceMs.delete(name);
    else if (!this.#noConsumerSinceMs.has(name)) this.#noConsumerSinceMs.set(name, nowMs);
    const sinceMs = this.#noConsumerSinceMs.get(name) ?? nowMs;
    this.#set(
      `no-consumer:${name}`,
      hasNoConsumer && nowMs - sinceMs >= MINUTE_MS,
      `queue ${name} has messages but no consumer. Start a consumer for its service.`,
      sinceMs,
    );
  }

  #age(service: string, oldestMs: number, { ttlMs, nowMs }: SelfState): void {
    const key: Key = `old:${service}`;
    const [begins, ends] = OLD;
    this.#set(
      key,
      oldestMs / ttlMs >= (this.#active.has(key) ? ends : begins),
      `the oldest unstored record of service ${service} was published ${ageText(oldestMs)} ago. The broker deletes it after ${ageText(ttlMs)}. Check that a consumer stores records of this service.`,
      nowMs - oldestMs,
    );
  }

  /** A deleted queue has no problem, and neither has a service without unstored records. */
  #resolveRemoved({ queues, services, nowMs }: SelfState): void {
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
    this.#report(key, active ? this.#active.get(key)! : { active, sentence, sinceMs });
  }
}

function ageText(ms: number): string {
  if (ms >= 2 * DAY_MS) return `${(ms / DAY_MS).toFixed(1).replace('.0', '')} days`;
  return ms >= 2 * HOUR_MS ? `${Math.round(ms / HOUR_MS)} hours` : counted(Math.round(ms / MINUTE_MS), 'minute');
}
