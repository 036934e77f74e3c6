/** What the store is opened with. */
import type { EventsOf } from '../alerts/event.js';
import type { SessionSettings } from './connect.js';
import type { IndexSettings } from './indexes.js';

/** Checked and frozen where it is made. */
export interface StoreConfig {
  /** See `parseDatabaseUrl`. */
  readonly databaseUrl: string;
  /** Default 'logs'. */
  readonly schema: string;
  /** `statement_timeout`: the server cancels what takes longer for a whole batch. Milliseconds; less than `writeTimeoutMs`. */
  readonly statementTimeoutMs: number;
  /** A statement that gets no answer for so long ends the connection. Milliseconds. */
  readonly writeTimeoutMs: number;
  /** For one host, TLS and login included. Milliseconds. */
  readonly connectTimeoutMs: number;
  /** How many days back a day has a partition: as many as records are kept. Default 30. */
  readonly retentionDays?: number | undefined;
  /** Which indexes there are. Default: as they are. */
  readonly indexes?: IndexSettings | undefined;
  /** Takes one sentence for people: a migration that is applied ('info'), a partition that cannot be made ('warning'). */
  readonly notice: (text: string, level: 'info' | 'warning') => void;
  /** Which of the records that are stored are worth an alert. Default: none, and it costs nothing. */
  readonly alertEventsOf?: EventsOf | undefined;
  /** Takes why alerts are not stored; undefined once they are. */
  readonly onAlertsRefused?: (sentence: string | undefined) => void;
}

export function sessionSettings({
  schema,
  connectTimeoutMs,
  writeTimeoutMs,
}: Pick<StoreConfig, 'schema' | 'connectTimeoutMs' | 'writeTimeoutMs'>): SessionSettings {
  return { schema, connectTimeoutMs, answerTimeoutMs: writeTimeoutMs };
}
