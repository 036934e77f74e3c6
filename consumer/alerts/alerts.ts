/**
 * Tells of errors and of Loghive's own troubles: one place in a process, beside the storing of records, which never waits
 * for it. Several consumers share the work through the database: each notice is sent once.
 *
 * Every second: what was stored since is collected and decided about, then each channel sends what is to be sent. While the
 * database is away nothing new can be stored and so there is nothing new to tell, but of Loghive itself: those notices are
 * made from memory and kept in the database when it is back. (Several consumers may tell the same then.)
 */
import os from 'node:os';
import { asSentence } from '../../src/sentence.js';
import type { StatusLog } from '../../src/status-log.js';
import { sleep, within } from '../../src/time/time-limit.js';
import { uuidv7 } from '../../src/uuid.js';
import { type AlertDatabase, type Collected, type Decided, openAlertDatabase } from '../store/alert-database.js';
import { isStorageFault } from '../store/index.js';
import type { StoreSettings } from '../store-settings.js';
import { conditionNotice, decideConditions } from './conditions.js';
import { Delivery, REST, type RestPolicy } from './delivery.js';
import { createMailer } from './mailer.js';
import type { Channel, ChannelName, Notice } from './notice.js';
import { decide } from './policy.js';
import type { AlertSettings } from './settings.js';
import { createWebhook } from './webhook.js';

/** What is or is not wrong with Loghive itself. */
export interface Condition {
  readonly active: boolean;
  /** What is wrong and what to do, in words. While it is active. */
  readonly sentence: string;
  /** Since when, in epoch milliseconds. */
  readonly sinceMs: number;
}

export interface Alerts {
  start(): void;
  /** Finishes what is under way within some seconds; what is left is sent by another consumer or the next start. Never rejects. */
  stop(): Promise<void>;
  /**
   * Tells that something is wrong with Loghive, once, and later that it is not any more. Call it as often as you like.
   *
   * @param key what it is about. Consumers that report the same key mean the same thing, and it is told once for all of
   *   them: put `process` into the key of what concerns this process alone.
   */
  condition(key: string, condition: Condition): void;
  /** `host:pid`. */
  readonly process: string;
}

export interface AlertsOptions {
  readonly settings: AlertSettings;
  readonly store: StoreSettings;
  /** What a person should know of alerts themselves, for as long as it holds. */
  readonly notices: StatusLog;
  /** Called once a second, while it runs: the moment to call `condition`. */
  readonly onTick?: () => void;
  readonly seams?: AlertsTestHooks;
}

/** For tests. */
export interface AlertsTestHooks {
  /** Default 1000. */
  readonly tickMs?: number;
  readonly rest?: RestPolicy;
  /** See `SelfWatch`. */
  readonly awayMs?: number;
  /** In the place of those of the settings. */
  readonly policy?: Partial<Pick<AlertSettings, 'maxPerHour' | 'digestMs' | 'repeatMs'>>;
}

const TICK_MS = 1000;
/** So often a condition that goes on is reported again, before others take this consumer for gone. */
const REPORT_MS = 30_000;
const STOP_MS = 3000;
const STARTING_MS = 60_000;
/** Nobody waits for alerts as for records. */
const ANSWER_MS = 20_000;
const TOPIC = 'alerts';

/** Those that the settings name. */
export function channelsOf({ mail, webhook, redact }: AlertSettings): Channel[] {
  return [...(mail ? [createMailer(mail, redact)] : []), ...(webhook ? [createWebhook(webhook, redact)] : [])];
}

/** Nothing is opened yet. */
export function createAlerts(options: AlertsOptions): Alerts {
  return new AlertLoop(options);
}

/** A notice that was made without the database. */
interface OwnNotice {
  readonly notice: Notice;
  readonly sentBy: Set<ChannelName>;
}

class AlertLoop implements Alerts {
  readonly process = `${os.hostname()}:${process.pid}`;
  readonly #options: AlertsOptions;
  readonly #policy: Pick<AlertSettings, 'maxPerHour' | 'digestMs' | 'repeatMs'>;
  readonly #database: AlertDatabase;
  readonly #channels: readonly ChannelName[];
  readonly #deliveries: ReadonlyMap<ChannelName, Delivery>;
  /** Ends the loop. */
  readonly #stopping = new AbortController();
  /** Ends what is being sent. */
  readonly #giveUp = new AbortController();
  readonly #active = new Map<string, Condition>();
  /** Keys of what was told and was not over when this was looked at last. */
  #told: ReadonlySet<string> = new Set();
  readonly #own = new Map<string, OwnNotice>();
  #hasWorked = false;
  #startedAtMs = 0;
  #hasChanged = false;
  #reportedAtMs = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: AlertsOptions) {
    const { settings, store, notices, seams = {} } = options;
    const statementTimeoutMs = ANSWER_MS / 2;
    this.#options = options;
    this.#policy = { ...settings, ...seams.policy };
    this.#database = openAlertDatabase({ ...store, statementTimeoutMs, writeTimeoutMs: ANSWER_MS });
    const channels = channelsOf(settings);
    const { rest = REST } = seams;
    const common = { database: this.#database, notices, rest, signal: this.#giveUp.signal };
    this.#channels = channels.map(({ name }) => name);
    this.#deliveries = new Map(channels.map((channel) => [channel.name, new Delivery({ channel, ...common })]));
  }

  start(): void {
    this.#startedAtMs = performance.now();
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const underWay = Promise.all([this.#loop, ...[...this.#deliveries.values()].map(({ idle }) => idle)]);
    if (!(await within(STOP_MS, underWay))) {
      this.#giveUp.abort();
      await within(STOP_MS, underWay);
    }
    await this.#database.close();
  }

  condition(key: string, condition: Condition): void {
    const known = this.#active.get(key);
    if (condition.active) this.#active.set(key, condition);
    else this.#active.delete(key);
    this.#hasChanged ||= condition.active ? known?.sentence !== condition.sentence : known !== undefined;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const mayBeMore = await this.#tick();
      if (!mayBeMore) await sleep(this.#options.seams?.tickMs ?? TICK_MS, signal);
    }
  }

  /** @returns whether there may be more at once. Never rejects. */
  async #tick(): Promise<boolean> {
    const { notices, onTick } = this.#options;
    try {
      onTick?.();
      await this.#keepOwn();
      await this.#report();
      const mayBeMore = await this.#database.moveOn(this.#channels, (collected) => this.#decide(collected));
      notices.report(TOPIC, undefined);
      this.#hasWorked = true;
      for (const delivery of this.#deliveries.values()) delivery.begin();
      return mayBeMore;
    } catch (error) {
      if (this.#stopping.signal.aborted) return false;
      const reason = isStorageFault(error) ? error.reason : String(error);
      // At the first start the tables are only about to be made.
      const isMissing = isStorageFault(error) && /^(?:42P01|3F000)$/.test(error.sqlstate ?? '');
      const isStarting = isMissing && !this.#hasWorked && performance.now() - this.#startedAtMs < STARTING_MS;
      if (!isStarting)
        notices.report(TOPIC, `alerts wait in the database, which cannot be used for them now: ${asSentence(reason)}`);
      await this.#tellWithoutDatabase();
      return false;
    }
  }

  #decide(collected: Collected): Decided {
    const { nowMs, isWaiting, conditions } = collected;
    this.#told = new Set(conditions.filter(({ told }) => told?.content.kind === 'condition').map(({ key }) => key));
    return {
      // What nobody takes is not added to: the counts go on, and become one mail later instead of many.
      errors: isWaiting ? undefined : decide(collected, this.#policy),
      conditions: decideConditions(conditions, nowMs),
    };
  }

  async #report(): Promise<void> {
    const isDue = this.#active.size > 0 && performance.now() - this.#reportedAtMs > REPORT_MS;
    if (!this.#hasChanged && !isDue) return;
    this.#hasChanged = false;
    try {
      const active = [...this.#active].map(([key, { sentence, sinceMs }]) => ({ key, sentence, sinceMs }));
      await this.#database.report(this.process, active);
      this.#reportedAtMs = performance.now();
    } catch (error) {
      this.#hasChanged = true;
      throw error;
    }
  }

  async #tellWithoutDatabase(): Promise<void> {
    for (const [key, condition] of this.#active) {
      if (this.#told.has(key)) continue;
      const content = conditionNotice(key, condition);
      const own = this.#own.get(key) ?? { notice: { id: uuidv7(Date.now() * 1000), content }, sentBy: new Set() };
      this.#own.set(key, own);
      for (const [channel, delivery] of this.#deliveries) {
        if (!own.sentBy.has(channel) && (await delivery.send(own.notice))) own.sentBy.add(channel);
      }
    }
  }

  /** What was told without the database goes into it, so that others know, and that its end is told. */
  async #keepOwn(): Promise<void> {
    for (const [key, { notice, sentBy }] of this.#own) {
      // Nobody heard of it: if it still holds, it is told like any other.
      if (sentBy.size > 0) {
        await this.#database.keep({ ...notice, channels: this.#channels, sentBy: [...sentBy] });
      }
      this.#own.delete(key);
    }
  }
}
