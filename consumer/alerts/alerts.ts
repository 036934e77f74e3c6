/**
 * The alert loop: reports errors and problems of Loghive itself. It runs once per process, beside the storing of
 * records, which never waits for it. Several consumers share the work through the database, so each notice is sent
 * once.
 *
 * Once per second it collects newly stored events, decides what to report, and lets each channel send its notices.
 * While the database is unreachable, no errors are stored, so only problems of Loghive itself are reported. Those
 * notices are created in memory and saved when the database is back. (Several consumers may report the same problem
 * then.)
 */
import os from 'node:os';
import { asSentence } from '../../src/sentence.js';
import type { StatusLog } from '../../src/status-log.js';
import { sleep, within } from '../../src/time/time-limit.js';
import { uuidv7 } from '../../src/uuid.js';
import { type AlertDatabase, type Collected, type Decisions, openAlertDatabase } from '../store/alert-database.js';
import { isStorageFault } from '../store/index.js';
import type { StoreSettings } from '../store-settings.js';
import { channelsOf } from './channels.js';
import { Delivery, RETRY, type RetryPolicy } from './delivery.js';
import type { ChannelName, Notice } from './notice.js';
import { conditionNotice, decide, decideConditions } from './policy.js';
import type { AlertSettings } from './settings.js';

/** A problem of Loghive itself, active or resolved. */
export interface Condition {
  readonly active: boolean;
  /** Describes the problem and what to do. Used while it is active. */
  readonly sentence: string;
  /** Start of the problem, epoch milliseconds. */
  readonly sinceMs: number;
}

export interface Alerts {
  start(): void;
  /**
   * Finishes work in flight within a few seconds. Another consumer or the next start sends the retry. Never rejects.
   */
  stop(): Promise<void>;
  /**
   * Reports a problem of Loghive once, and later once that it is resolved. May be called any number of times.
   *
   * @param key identifies the problem. Consumers that report the same key mean the same problem, and it is reported
   *   once for all of them. Include `process` in the key if the problem concerns this process only.
   */
  condition(key: string, condition: Condition): void;
  /** `host:pid`. */
  readonly process: string;
}

export interface AlertsOptions {
  readonly settings: AlertSettings;
  readonly store: StoreSettings;
  /** Receives problems of the alerting itself. */
  readonly notices: StatusLog;
  /** Called once per second while it runs. Call `condition` here. */
  readonly onTick?: () => void;
  readonly hooks?: AlertsTestHooks;
}

/** For tests. */
export interface AlertsTestHooks {
  /** Default 1000. */
  readonly tickMs?: number;
  readonly retry?: RetryPolicy;
  /** See `SelfWatch`. */
  readonly unreachableMs?: number;
  /** Overrides the settings. */
  readonly policy?: Partial<Pick<AlertSettings, 'maxPerHour' | 'digestMs' | 'repeatMs'>>;
}

const TICK_MS = 1000;
/** Interval of reporting active conditions again, before other consumers consider this one gone. */
const REPORT_MS = 30_000;
const STOP_TIMEOUT_MS = 3000;
/** How long missing tables are not reported after the start, in milliseconds: they may not be migrated yet. */
const STARTUP_MS = 60_000;
/** Longer than for records, because nothing waits for alerts. */
const QUERY_TIMEOUT_MS = 20_000;
const TOPIC = 'alerts';

/** Connects on first use. */
export function createAlerts(options: AlertsOptions): Alerts {
  return new AlertLoop(options);
}

/** A notice created while the database was unreachable. */
interface OfflineNotice {
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
  /** Stops the loop. */
  readonly #stopping = new AbortController();
  /** Aborts sending. */
  readonly #abort = new AbortController();
  readonly #active = new Map<string, Condition>();
  /** Keys of the conditions that were reported and not resolved at the last check. */
  #notified: ReadonlySet<string> = new Set();
  readonly #offline = new Map<string, OfflineNotice>();
  #hasWorked = false;
  #startedAtMs = 0;
  #hasChanged = false;
  #reportedAtMs = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: AlertsOptions) {
    const { settings, store, notices, hooks = {} } = options;
    const statementTimeoutMs = QUERY_TIMEOUT_MS / 2;
    this.#options = options;
    this.#policy = { ...settings, ...hooks.policy };
    this.#database = openAlertDatabase({ ...store, statementTimeoutMs, writeTimeoutMs: QUERY_TIMEOUT_MS });
    const channels = channelsOf(settings);
    const { retry = RETRY } = hooks;
    const common = { database: this.#database, notices, retry, signal: this.#abort.signal };
    this.#channels = channels.map(({ name }) => name);
    this.#deliveries = new Map(channels.map((channel) => [channel.name, new Delivery({ channel, ...common })]));
  }

  start(): void {
    this.#startedAtMs = performance.now();
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const inFlight = Promise.all([this.#loop, ...[...this.#deliveries.values()].map(({ idle }) => idle)]);
    if (!(await within(STOP_TIMEOUT_MS, inFlight))) {
      this.#abort.abort();
      await within(STOP_TIMEOUT_MS, inFlight);
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
      if (!mayBeMore) await sleep(this.#options.hooks?.tickMs ?? TICK_MS, signal);
    }
  }

  /** @returns whether more events may be waiting. Never rejects. */
  async #tick(): Promise<boolean> {
    const { notices, onTick } = this.#options;
    try {
      onTick?.();
      await this.#saveOffline();
      await this.#report();
      const mayBeMore = await this.#database.process(this.#channels, (collected) => this.#decide(collected));
      notices.report(TOPIC, undefined);
      this.#hasWorked = true;
      for (const delivery of this.#deliveries.values()) delivery.begin();
      return mayBeMore;
    } catch (error) {
      if (this.#stopping.signal.aborted) return false;
      const reason = isStorageFault(error) ? error.reason : String(error);
      // At the first start the tables may not be migrated yet.
      const isMissing = isStorageFault(error) && /^(?:42P01|3F000)$/.test(error.sqlstate ?? '');
      const isStarting = isMissing && !this.#hasWorked && performance.now() - this.#startedAtMs < STARTUP_MS;
      if (!isStarting)
        notices.report(TOPIC, `alerts are delayed because their tables cannot be used: ${asSentence(reason)}`);
      await this.#notifyOffline();
      return false;
    }
  }

  #decide(collected: Collected): Decisions {
    const { nowMs, isWaiting, conditions } = collected;
    this.#notified = new Set(
      conditions.filter(({ notified }) => notified?.content.kind === 'condition').map(({ key }) => key),
    );
    return {
      // While no channel can send, create no further notices: later one notice reports the sum.
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

  async #notifyOffline(): Promise<void> {
    for (const [key, condition] of this.#active) {
      if (this.#notified.has(key)) continue;
      const content = conditionNotice(key, condition);
      const offline = this.#offline.get(key) ?? {
        notice: { id: uuidv7(Date.now() * 1000), content },
        sentBy: new Set(),
      };
      this.#offline.set(key, offline);
      for (const [channel, delivery] of this.#deliveries) {
        if (!offline.sentBy.has(channel) && (await delivery.send(offline.notice))) offline.sentBy.add(channel);
      }
    }
  }

  /**
   * Saves notices sent while the database was unreachable, so that other consumers know of them, and report when the
   * problems are resolved.
   */
  async #saveOffline(): Promise<void> {
    for (const [key, { notice, sentBy }] of this.#offline) {
      // No channel has sent it. If the condition is still active, it is reported like any other.
      if (sentBy.size > 0) {
        await this.#database.saveNotice({ ...notice, channels: this.#channels, sentBy: [...sentBy] });
      }
      this.#offline.delete(key);
    }
  }
}
