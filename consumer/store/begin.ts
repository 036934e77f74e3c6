/**
 * How a transaction begins: it says itself how it is to run, whatever the role, the database or another client of a
 * pooler has set. Pure.
 *
 * Nothing is ever set for a session: a pooler in transaction mode gives each transaction another session, and hands the
 * one before, with what was set in it, to other clients.
 */

export interface TransactionSettings {
  /** The server cancels a statement that takes longer. Milliseconds; 0 is never. */
  readonly statementTimeoutMs: number;
  /** How long a statement waits for a lock. Milliseconds; default 0: for as long as it may take at all. */
  readonly lockTimeoutMs?: number;
  /** Triggers and constraints that could wait for the COMMIT do not: what they refuse is known by its statement. */
  readonly immediate?: boolean;
}

/**
 * `client_encoding` stands in the start-up packet as well, but not every pooler restores it for each client. A stronger
 * `synchronous_commit` than 'on' is kept. `transaction_timeout` exists from PostgreSQL 17 on.
 */
const SAME_FOR_ALL = `
  set local client_encoding = 'UTF8'; set local timezone = 'UTC'; set local datestyle = 'ISO';
  set local standard_conforming_strings = on; set local idle_in_transaction_session_timeout = 60000;
  select case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', true) end,
    case when current_setting('transaction_timeout', true) <> '0' then set_config('transaction_timeout', '0', true) end; `;

/** Statements to be sent along with the first one of the transaction. */
export function begin({ statementTimeoutMs, lockTimeoutMs = 0, immediate = false }: TransactionSettings): string {
  return `begin isolation level read committed; set local statement_timeout = ${statementTimeoutMs};
  set local lock_timeout = ${lockTimeoutMs};${SAME_FOR_ALL}${immediate ? 'set constraints all immediate; ' : ''}`;
}
