/** The records of a database, for reading. */
import type { DatabaseSession } from '../consumer/store/connect.js';
import { parseDatabaseUrl } from '../consumer/store/database-url.js';
import { createReconnectingSession } from '../consumer/store/reconnecting-session.js';
import { transaction } from '../consumer/store/transaction.js';
import { type Page, type PageOptions, type SearchOptions, searchPage } from './page.js';
import type { Query } from './parse.js';

export interface ReaderOptions {
  readonly databaseUrl: string;
  /** Default 'logs'. */
  readonly schema?: string;
  /** Connect timeout per host, in milliseconds. Default 10000. */
  readonly connectTimeoutMs?: number;
}

/**
 * One connection, opened on demand and reopened after a loss. Calls run one after the other. All reject with a
 * LoghiveError that has a readable message, or with the reason of an aborted signal.
 */
export interface RecordReader {
  page(query: Query, options?: PageOptions): Promise<Page>;
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** @throws LoghiveError LOGHIVE_INVALID_OPTION if the URL is invalid. */
export function openRecordReader({
  databaseUrl,
  schema = 'logs',
  connectTimeoutMs = 10_000,
}: ReaderOptions): RecordReader {
  const target = parseDatabaseUrl(databaseUrl);
  // A standby serves readers as well, unless the URL asks for something else.
  const readable = {
    ...target,
    sessionAttrs: /target_session_attrs/.test(databaseUrl) ? target.sessionAttrs : ('any' as const),
  };
  const connection = createReconnectingSession(readable, { schema, connectTimeoutMs, answerTimeoutMs: 0 });
  const quoted = `"${schema.replaceAll('"', '""')}"`;

  /** Runs a read-only transaction, cancelled on the server when the signal is aborted. */
  function read<T>(
    { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: SearchOptions,
    work: (session: DatabaseSession) => Promise<T>,
  ): Promise<T> {
    return connection.run(async (session) => {
      signal?.throwIfAborted();
      const cancel = () => void session.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        return await transaction(session, { statementTimeoutMs: timeoutMs, readOnly: true }, () => work(session));
      } finally {
        signal?.removeEventListener('abort', cancel);
      }
    });
  }

  return {
    page: (query, options = {}) => read(options, (session) => searchPage(session, quoted, query, options)),
    close: () => connection.close(),
  };
}
