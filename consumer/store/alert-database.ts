/**
 * Alert tables, used by the alert loop. One consumer at a time processes events (a transaction-level lock, which works
 * behind a pooler). Each notice is claimed by one consumer while it is sent.
 *
 *   alert_events ──collect──▶ alert_groups ──decide──▶ alert_notices, alert_deliveries ──claim, send──▶ sent_at
 *   (insert only)             (pending counts)
 *
 * If the process dies: collecting and deciding are one transaction. A notice that was claimed but not marked as sent is
 * claimed again when the claim expires, and may be sent twice, with the same id.
 */
import { alertDeliveries, type Claimed, type OfflineNotice, type ReportedCondition } from './alert-deliveries.js';
import { alertGroups, type Collected, type Decisions } from './alert-groups.js';
import type { DatabaseSession } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import { createReconnectingSession } from './reconnecting-session.js';
import { type StoreConfig, sessionSettings } from './store-config.js';
import { transaction } from './transaction.js';

export type { Claimed, OfflineNotice, ReportedCondition } from './alert-deliveries.js';
export type { Collected, Decisions } from './alert-groups.js';

/** All methods reject with LoghiveError LOGHIVE_STORAGE_UNAVAILABLE and `.reason`. */
export interface AlertDatabase {
  /**
   * Collects new events and stores the decisions of `decide`, unless another consumer is doing so.
   *
   * @returns whether more events may be waiting.
   */
  process(channels: readonly string[], decide: (collected: Collected) => Decisions): Promise<boolean>;
  /** Replaces the conditions that this consumer reports. */
  report(reporter: string, conditions: readonly ReportedCondition[]): Promise<void>;
  /** Claims the next unclaimed notice of this channel. */
  claim(channel: string, forMs: number): Promise<Claimed | undefined>;
  sent(notice: string, channel: string): Promise<void>;
  /** The notice was not sent. Releases the claim, so that any consumer may retry. */
  failed(notice: string, channel: string, reason: string): Promise<void>;
  /** Saves a notice that was created while the database was unreachable. */
  saveNotice(notice: OfflineNotice): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** Interval between deletions of old rows, in milliseconds. */
const PURGE_INTERVAL_MS = 3_600_000;

type AlertDatabaseConfig = Pick<
  StoreConfig,
  'databaseUrl' | 'schema' | 'statementTimeoutMs' | 'writeTimeoutMs' | 'connectTimeoutMs'
>;

/** Connects on first use. @throws LoghiveError LOGHIVE_INVALID_OPTION if the URL is invalid. */
export function openAlertDatabase(config: AlertDatabaseConfig): AlertDatabase {
  const { schema, statementTimeoutMs } = config;
  const target = parseDatabaseUrl(config.databaseUrl);
  const groups = alertGroups(schema);
  const deliveries = alertDeliveries(schema);
  const connection = createReconnectingSession(target, sessionSettings(config));
  let purgedMs = Number.NEGATIVE_INFINITY;

  /** Runs `work` in its own transaction, in order of the calls. All of them are safe to repeat. */
  const inTransaction = <T>(work: (session: DatabaseSession) => Promise<T>): Promise<T> =>
    connection.run((session) => transaction(session, { statementTimeoutMs, lockTimeoutMs: 5000 }, () => work(session)));

  return {
    process(channels, decide) {
      return inTransaction(async (session) => {
        if (!(await groups.tryLock(session))) return false;
        const mayBeMore = await groups.collect(session);
        const decided = decide(await groups.read(session, channels));
        await groups.store(session, decided, channels);
        if (performance.now() - purgedMs > PURGE_INTERVAL_MS) {
          await groups.purge(session);
          purgedMs = performance.now();
        }
        return mayBeMore;
      });
    },
    report: (reporter, conditions) => inTransaction((session) => deliveries.report(session, reporter, conditions)),
    claim: (channel, forMs) => inTransaction((session) => deliveries.claim(session, channel, forMs)),
    sent: (notice, channel) => inTransaction((session) => deliveries.sent(session, notice, channel)),
    failed: (notice, channel, reason) =>
      inTransaction((session) => deliveries.failed(session, notice, channel, reason)),
    saveNotice: (notice) => inTransaction((session) => deliveries.saveNotice(session, notice)),
    // The alert loop has already waited for work in flight.
    close: () => connection.close({ timeoutMs: 0 }),
  };
}
