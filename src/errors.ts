/**
 * One error class and one table of codes. Callers branch on `code`; people read `message`. docs/errors.md lists the
 * same codes; a test keeps both in sync.
 */
import { asSentence } from './sentence.js';

export const ERROR_CODES = {
  LOGHIVE_INVALID_OPTION: 'An option has a value that Loghive cannot work with. Nothing was started.',
  LOGHIVE_INVALID_QUERY: 'A search query cannot be understood. The error says at which character, and why.',
  LOGHIVE_SEARCH_TIMEOUT: 'A search took longer than its time limit. PostgreSQL has stopped it.',
  LOGHIVE_CLOSED: 'A consumer was started a second time. Create a new one.',
  LOGHIVE_BROKER_UNREACHABLE: 'No host of the broker URL answered. Loghive keeps retrying.',
  LOGHIVE_BROKER_REFUSED:
    'The broker refused the user, password, vhost or permissions, or its queues differ from those that Loghive declares.',
  LOGHIVE_BROKER_TLS: 'The TLS handshake with the broker failed: certificate authority, validity period or host name.',
  LOGHIVE_BROKER_LOST: 'An open connection to the broker was lost or stopped responding. Loghive reconnects.',
  LOGHIVE_RECORDS_WAIT:
    'The broker does not accept records now (an alarm, a full or missing queue). They are buffered.',
  LOGHIVE_RECORDS_LOST:
    'Records were dropped and counted. Those that were already in flight to the broker may still arrive.',
  LOGHIVE_RECORDS_SPOOLED:
    'Records were left on disk at the end of the process. The next process of the service sends them.',
  LOGHIVE_SPOOL_UNAVAILABLE:
    'Records cannot be written to disk or read from there. While memory is full, records are dropped and counted.',
  LOGHIVE_STORAGE_UNAVAILABLE: 'PostgreSQL cannot store records now. Consuming is paused until it can.',
  LOGHIVE_STORAGE_TLS: 'The TLS handshake with PostgreSQL failed: certificate authority, validity period or host name.',
  LOGHIVE_MIGRATION_FAILED: 'The database schema could not be migrated.',
  LOGHIVE_ALERT_FAILED: 'The mail server or the webhook did not accept an alert. It is stored and sent again.',
  LOGHIVE_FOLDER_LOCKED: 'Another process is using this folder. Nothing was started.',
  LOGHIVE_FOLDER_UNUSABLE:
    'A folder that Loghive needs cannot be created, written to or accessed. Nothing was started.',
  LOGHIVE_FILE_UNUSABLE: 'A file that a command reads or writes cannot be used.',
  LOGHIVE_PORT_TAKEN: 'Another program is listening on the requested port. Nothing was started.',
  LOGHIVE_POSTGRES_MISSING: 'The embedded PostgreSQL is not installed, or not available for this platform.',
  LOGHIVE_POSTGRES_VERSION: 'The data of the embedded PostgreSQL belongs to another major version. It was not changed.',
  LOGHIVE_POSTGRES_FAILED: 'The embedded PostgreSQL could not be started. Its data was not changed.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Every error that Loghive throws or reports. `cause` is the underlying error, if there is one. */
export class LoghiveError extends Error {
  override readonly name = 'LoghiveError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(asSentence(message), options);
    this.code = code;
  }
}

/** The message of any thrown value. Never throws. */
export function reasonOf(thrown: unknown): string {
  try {
    if (thrown instanceof AggregateError && thrown.errors.length > 0) return thrown.errors.map(reasonOf).join('; ');
    if (thrown instanceof Error) return thrown.message || thrown.name;
    return String(thrown);
  } catch {
    return 'an error without a readable message';
  }
}
