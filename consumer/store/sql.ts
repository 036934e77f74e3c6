/**
 * SQL that several files share. Pure.
 *
 * Each transaction sets everything it depends on with SET LOCAL, because the role, the database or another client of a
 * pooler may have configured something else. Nothing is set for a session: a pooler in transaction mode runs each
 * transaction in another session and hands the previous one, with its settings, to other clients.
 */

export interface TransactionSettings {
  /** `statement_timeout` in milliseconds; 0 disables it. */
  readonly statementTimeoutMs: number;
  /** `lock_timeout` in milliseconds. Default 0: no separate limit. */
  readonly lockTimeoutMs?: number;
  /** `set constraints all immediate`: deferred triggers and constraints fail at their statement, not at COMMIT. */
  readonly immediate?: boolean;
  /** For a reader, also of a standby: the transaction cannot write. Its statement ends soon after the client is gone. */
  readonly readOnly?: boolean;
  /** Default: read committed. */
  readonly isolation?: 'read committed' | 'repeatable read' | undefined;
}

/**
 * `client_encoding` is in the startup packet too, but not every pooler restores it per client. A stronger
 * `synchronous_commit` than 'on' is kept. `transaction_timeout` exists since PostgreSQL 17.
 */
const COMMON_SETTINGS = `
  set local client_encoding = 'UTF8'; set local timezone = 'UTC'; set local datestyle = 'ISO';
  set local standard_conforming_strings = on; set local idle_in_transaction_session_timeout = 60000;
  select case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', true) end,
    case when current_setting('transaction_timeout', true) <> '0' then set_config('transaction_timeout', '0', true) end; `;

/** A server on Windows cannot check whether the client is still there. */
const READER_SETTINGS = `select set_config('client_connection_check_interval', '1s', true)
  where version() !~* 'windows|mingw|visual c'; `;

/** Statements to send together with the first statement of the transaction. */
export function begin(settings: TransactionSettings): string {
  const {
    statementTimeoutMs,
    lockTimeoutMs = 0,
    immediate = false,
    readOnly = false,
    isolation = 'read committed',
  } = settings;
  return `begin isolation level ${isolation}${readOnly ? ' read only' : ''}; set local statement_timeout = ${statementTimeoutMs};
  set local lock_timeout = ${lockTimeoutMs};${COMMON_SETTINGS}${immediate ? 'set constraints all immediate; ' : ''}${readOnly ? READER_SETTINGS : ''}`;
}

/**
 * SQL expression: a timestamptz column as ISO 8601 text in UTC, in microseconds. A JavaScript Date has only
 * milliseconds.
 */
export function isoTime(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/**
 * SQL: the epoch seconds of a bound, from the column `bound`, the text of `relpartbound`; null for the default partition.
 *
 * Bounds are the text of an expression. They are cast back in the transaction that printed them, so its time zone does
 * not matter. MINVALUE and MAXVALUE are unquoted and become null.
 */
export function boundSeconds(side: 'FROM' | 'TO'): string {
  return `extract(epoch from (regexp_match(bound, '${side} \\(''([^'']+)''\\)'))[1]::timestamptz)`;
}
