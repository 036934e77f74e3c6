/**
 * The tables of alerts, for whoever sends them. One consumer at a time moves what is there on (a lock of the transaction,
 * so that a pooler may stand between); each notice is claimed by one consumer while it is sent.
 *
 *   alert_events ──collect──▶ alert_groups ──decide──▶ alert_notices, alert_deliveries ──claim, send──▶ sent_at
 *   (insert only)             (untold counts)
 *
 * Should the process die anywhere on this way: collecting and deciding are one transaction; a notice that was claimed and
 * not marked as sent is claimed again when the claim has run out, and may be sent twice, under the same id.
 */
import { alertDeliveries, type Claimed, type KeptNotice, type ReportedCondition } from './alert-deliveries.js';
import { alertGroups, type Collected, type Decided } from './alert-groups.js';
import type { DatabaseSession } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import { keepSession } from './kept-session.js';
import { type StoreConfig, sessionSettings } from './store-config.js';
import { transaction } from './transaction.js';

export type { Claimed, KeptNotice, ReportedCondition } from './alert-deliveries.js';
export type { Collected, ConditionState, Decided } from './alert-groups.js';

/** Each rejects with LoghiveError LOGHIVE_STORAGE_UNAVAILABLE, `.reason` in words. */
export interface AlertDatabase {
  /**
   * Collects what is new, and stores what `decide` makes of it, unless another consumer does so at this moment.
   *
   * @returns whether there may be more at once.
   */
  moveOn(channels: readonly string[], decide: (collected: Collected) => Decided): Promise<boolean>;
  /** What holds of this consumer at present; what it reported before and is not among these holds no more. */
  report(reporter: string, conditions: readonly ReportedCondition[]): Promise<void>;
  /** The next notice for this channel that nobody is sending. */
  claim(channel: string, forMs: number): Promise<Claimed | undefined>;
  sent(notice: string, channel: string): Promise<void>;
  /** It was not sent: whoever comes next may try. */
  failed(notice: string, channel: string, reason: string): Promise<void>;
  /** A notice that was decided on without the database. */
  keep(notice: KeptNotice): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** How often what is old is deleted. */
const TIDY_MS = 3_600_000;

type AlertDatabaseConfig = Pick<
  StoreConfig,
  'databaseUrl' | 'schema' | 'statementTimeoutMs' | 'writeTimeoutMs' | 'connectTimeoutMs'
>;

/** Nothing is opened yet. @throws LoghiveError LOGHIVE_INVALID_OPTION when the URL is wrong. */
export function openAlertDatabase(config: AlertDatabaseConfig): AlertDatabase {
  const { schema, statementTimeoutMs } = config;
  const target = parseDatabaseUrl(config.databaseUrl);
  const groups = alertGroups(schema);
  const deliveries = alertDeliveries(schema);
  const kept = keepSession(target, sessionSettings(config));
  let tidiedMs = Number.NEGATIVE_INFINITY;

  /** A transaction of its own, after those that were asked for before. All of them are safe to repeat. */
  const inTransaction = <T>(work: (session: DatabaseSession) => Promise<T>): Promise<T> =>
    kept.run((session) => transaction(session, { statementTimeoutMs, lockTimeoutMs: 5000 }, () => work(session)));

  return {
    moveOn(channels, decide) {
      return inTransaction(async (open) => {
        if (!(await groups.isMine(open))) return false;
        const mayBeMore = await groups.collect(open);
        const decided = decide(await groups.read(open, channels));
        await groups.store(open, decided, channels);
        if (performance.now() - tidiedMs > TIDY_MS) {
          await groups.tidy(open);
          tidiedMs = performance.now();
        }
        return mayBeMore;
      });
    },
    report: (reporter, conditions) => inTransaction((open) => deliveries.report(open, reporter, conditions)),
    claim: (channel, forMs) => inTransaction((open) => deliveries.claim(open, channel, forMs)),
    sent: (notice, channel) => inTransaction((open) => deliveries.sent(open, notice, channel)),
    failed: (notice, channel, reason) => inTransaction((open) => deliveries.failed(open, notice, channel, reason)),
    keep: (notice) => inTransaction((open) => deliveries.keep(open, notice)),
    // Whoever sends alerts has waited for what is under way.
    close: () => kept.close({ patienceMs: 0 }),
  };
}
