/**
 * One error class and one table of codes: callers branch on `code`, people read `message`.
 * docs/errors.md lists the same codes; a test holds the two equal.
 */
import { asSentence } from './sentence.js';

export const ERROR_CODES = {
  LOGHIVE_INVALID_OPTION: 'An option has a value that Loghive cannot work with. Nothing was started.',
  LOGHIVE_CLOSED: 'A consumer was started that had been started before. Create a new one.',
  LOGHIVE_BROKER_UNREACHABLE: 'No host of the broker URL answered. Loghive goes on trying.',
  LOGHIVE_BROKER_REFUSED:
    'The broker answered and refused: user, password, vhost or permissions; or it has other queues than are declared.',
  LOGHIVE_BROKER_TLS: 'The TLS handshake with the broker failed: certificate authority, date or name.',
  LOGHIVE_BROKER_LOST: 'An open connection to the broker ended or stopped answering. Loghive reconnects.',
  LOGHIVE_RECORDS_WAIT: 'The broker does not take records now (an alarm, a full or missing queue). They are kept.',
  LOGHIVE_RECORDS_LOST:
    'Records had to be given up. They are counted; what was on its way to the broker already may arrive all the same.',
  LOGHIVE_STORAGE_UNAVAILABLE: 'PostgreSQL cannot store records now. Nothing moves until it can.',
  LOGHIVE_STORAGE_TLS: 'The TLS handshake with PostgreSQL failed: certificate authority, date or name.',
  LOGHIVE_MIGRATION_FAILED: 'The database schema could not be brought up to date.',
  LOGHIVE_ALERT_FAILED: 'The mail server or the webhook did not accept an alert. It is kept, and sent again.',
  LOGHIVE_FOLDER_LOCKED: 'Another process works in this folder. Nothing was started.',
  LOGHIVE_FOLDER_UNUSABLE: 'A folder that Loghive needs cannot be made, written to or reached. Nothing was started.',
  LOGHIVE_PORT_TAKEN: 'Another program listens on the port that was asked for. Nothing was started.',
  LOGHIVE_POSTGRES_MISSING: 'The embedded PostgreSQL is not installed, or there is none for this machine.',
  LOGHIVE_POSTGRES_VERSION: 'The data of the embedded PostgreSQL belongs to another major version. It was not touched.',
  LOGHIVE_POSTGRES_FAILED: 'The embedded PostgreSQL could not be started. Its data was not touched.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Every error that Loghive throws or reports. `cause` holds the error underneath, where there is one. */
export class LoghiveError extends Error {
  override readonly name = 'LoghiveError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(asSentence(message), options);
    this.code = code;
  }
}

/** The text of anything that was thrown. Never throws itself. */
export function reasonOf(thrown: unknown): string {
  try {
    if (thrown instanceof AggregateError && thrown.errors.length > 0) return thrown.errors.map(reasonOf).join('; ');
    if (thrown instanceof Error) return thrown.message || thrown.name;
    return String(thrown);
  } catch {
    return 'an error that cannot be shown';
  }
}
