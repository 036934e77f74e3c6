import type { EventsOf } from '../alerts/event.js';
import type { SessionSettings } from './connect.js';
import type { IndexSettings } from './index-definitions.js';

/** Options of the store, validated and frozen by the caller. */
export interface StoreConfig {
  /** See `parseDatabaseUrl`. */
  readonly databaseUrl: string;
  /** Default 'logs'. */
  readonly schema: string;
  /** `statement_timeout` of a whole batch, in milliseconds; less than `writeTimeoutMs`. */
  readonly statementTimeoutMs: number;
  /** Time to wait for the result of a statement before the connection is closed, in milliseconds. */
  readonly writeTimeoutMs: number;
  /** Connect timeout per host, including TLS and authentication, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Number of past days that get a partition: the retention of records. Default 30. */
  readonly retentionDays?: number | undefined;
  /** Indexes to create or drop. Default: leave them as they are. */
  readonly indexes?: IndexSettings | undefined;
  /**
   * Receives one sentence for the log: an applied migration ('info'), a partition that cannot be created ('warning').
   */
  readonly notice: (text: string, level: 'info' | 'warning') => void;
  /** Selects the stored records that trigger alerts. Default: none, at no cost. */
  readonly alertEventsOf?: EventsOf | undefined;
  /** Receives the reason why alerts are not stored; undefined once they are. */
  readonly onAlertsRefused?: (sentence: string | undefined) => void;
}

export function sessionSettings({
  schema,
  connectTimeoutMs,
  writeTimeoutMs,
}: Pick<StoreConfig, 'schema' | 'connectTimeoutMs' | 'writeTimeoutMs'>): SessionSettings {
  return { schema, connectTimeoutMs, answerTimeoutMs: writeTimeoutMs };
}
