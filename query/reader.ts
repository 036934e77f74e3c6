/** The records of a database, for reading. */
import { parseDatabaseUrl } from '../consumer/store/database-url.js';
import { createReconnectingSession } from '../consumer/store/reconnecting-session.js';
import { isStorageFault } from '../consumer/store/storage-fault.js';
import { LoghiveError } from '../src/errors.js';
import type { StoredRecord } from '../src/record.js';
import { countMatching, type Histogram, histogram } from './counts.js';
import { readIndexes, type SearchIndexes } from './indexes.js';
import type { PatternOptions, Patterns } from './message-patterns.js';
import { readFieldNames, readServices } from './names.js';
import { type Page, type PageOptions, type SearchOptions, searchPage } from './page.js';
import type { Query } from './parse.js';
import { ANSWER_TIMEOUT_MS, type ReadLimits, readOnly, type Statement } from './read-only.js';
import { estimateRecords } from './record-estimate.js';
import { cursorText, positionOf } from './record-rows.js';
import { type TailEvent, type TailOptions, tailRecords } from './tail.js';
import { warningsFor } from './warnings.js';

export interface ReaderOptions {
  readonly databaseUrl: string;
  /** Default 'logs'. */
  readonly schema?: string | undefined;
  /** Connect timeout per host, in milliseconds. Default 10000. */
  readonly connectTimeoutMs?: number | undefined;
}

/**
 * One connection, opened on demand and reopened after a loss. Calls run one after the other; open a second reader to
 * tail and search at once.
 *
 * Every call rejects with a LoghiveError whose message can be shown (LOGHIVE_STORAGE_UNAVAILABLE,
 * LOGHIVE_SEARCH_TIMEOUT, LOGHIVE_INVALID_OPTION), or with the reason of its aborted signal: then the statement is
 * canceled on the server as well.
 */
export interface RecordReader {
  /** One page of the matching records. Many matches, or few of them, cost about the same. */
  page(query: Query, options?: PageOptions): Promise<Page>;
  /** Reads every matching record. */
  count(query: Query, options?: SearchOptions): Promise<number>;
  /** Reads every matching record. */
  histogram(query: Query, options?: HistogramOptions): Promise<Histogram>;
  /** The shapes of the messages: reads the newest matching records, 100000 at most unless `maxRecords` says otherwise. */
  patterns(query: Query, options?: PatternOptions): Promise<Patterns>;
  /** Records of the same service before and after one, the oldest first, without that one. */
  surroundings(record: StoredRecord, count: number, limits?: ReadLimits): Promise<Surroundings>;
  /** Names of services, sorted. */
  services(limits?: ReadLimits): Promise<readonly string[]>;
  /** Names of fields in the newest records, most frequent first, as they are written in a query. */
  fieldNames(limits?: ReadLimits): Promise<readonly string[]>;
  /** Sentences about what will be slow or is left out, and what would change that. */
  warnings(query: Query, range?: SearchOptions): Promise<readonly string[]>;
  /**
   * The last records, then those that are stored from now on. Ends when the signal is aborted or the reader closed, or
   * by `break`.
   *
   * @throws LoghiveError LOGHIVE_INVALID_OPTION, or what waiting does not fix; while the database is away it reconnects.
   */
  tail(query: Query, options?: TailOptions): AsyncIterable<TailEvent>;
  /** Waits up to three seconds for calls in flight. Never rejects. */
  close(): Promise<void>;
}

export interface HistogramOptions extends SearchOptions {
  /** Most bars of the result. Default 60. */
  readonly maxBars?: number | undefined;
}

export interface Surroundings {
  readonly before: readonly StoredRecord[];
  readonly after: readonly StoredRecord[];
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION if the URL is invalid. */
export function openRecordReader({
  databaseUrl,
  schema = 'logs',
  connectTimeoutMs = 10_000,
}: ReaderOptions): RecordReader {
  const connection = createReconnectingSession(
    // A standby serves readers as well.
    parseDatabaseUrl(databaseUrl, 'any'),
    { schema, connectTimeoutMs, answerTimeoutMs: ANSWER_TIMEOUT_MS },
    () => (knownIndexes = undefined),
  );
  const quoted = quotedName(schema);
  let knownIndexes: SearchIndexes | undefined;
  let knownUntilMs = 0;

  function read<T>(limits: ReadLimits, work: (statement: Statement) => Promise<T>): Promise<T> {
    const result = connection.run((session) => readOnly(session, limits, work), limits.signal);
    return result.catch((error) => {
      // Aborted while connecting.
      limits.signal?.throwIfAborted();
      return rethrowReadable(error);
    });
  }

  /** Read once a minute: they may be built meanwhile. */
  async function indexes(statement: Statement): Promise<SearchIndexes> {
    if (knownIndexes === undefined || performance.now() > knownUntilMs) {
      knownIndexes = await readIndexes(statement, schema);
      knownUntilMs = performance.now() + INDEXES_TTL_MS;
    }
    return knownIndexes;
  }

  function page(query: Query, options: PageOptions = {}): Promise<Page> {
    return read(options, async (statement) => searchPage(statement, quoted, await indexes(statement), query, options));
  }

  return {
    page,
    count: (query, options = {}) =>
      read(options, async (statement) =>
        countMatching({ statement, schema: quoted, indexes: await indexes(statement) }, query, options),
      ),
    histogram: (query, { maxBars = 60, ...options } = {}) =>
      read(options, async (statement) =>
        histogram({ statement, schema: quoted, indexes: await indexes(statement) }, query, options, maxBars),
      ),
    async patterns(query, options = {}) {
      // A search does not need it.
      const { readPatterns } = await import('./message-patterns.js');
      return readPatterns(page, query, options);
    },
    async surroundings(record, count, { timeoutMs, signal } = {}) {
      const query = { text: '', condition: { type: 'service', services: [record.service] } } as const;
      const position = positionOf(record);
      const around = { timeoutMs, signal, limit: count };
      const older = await page(query, { ...around, cursor: cursorText({ towards: 'older', position }) });
      const newer = await page(query, {
        ...around,
        order: 'oldest first',
        cursor: cursorText({ towards: 'newer', position }),
      });
      return { before: [...older.records].reverse(), after: newer.records };
    },
    services: (limits = {}) => read(limits, (statement) => readServices(statement, quoted)),
    fieldNames: (limits = {}) => read(limits, (statement) => readFieldNames(statement, quoted)),
    warnings: (query, options = {}) =>
      read(options, async (statement) =>
        warningsFor(query, await indexes(statement), await estimateRecords(statement, quoted, options)),
      ),
    tail(query, options = {}) {
      const signals = [connection.closing, ...(options.signal ? [options.signal] : [])];
      return tailRecords({ read, schema: quoted, indexes }, query, { ...options, signal: AbortSignal.any(signals) });
    },
    close: () => connection.close(),
  };
}

const INDEXES_TTL_MS = 60_000;

function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Nothing is stored here, so drop the prefix "PostgreSQL cannot store records". */
function rethrowReadable(error: unknown): never {
  if (!isStorageFault(error)) throw error;
  throw Object.assign(new LoghiveError(error.code, `PostgreSQL: ${error.reason}`, { cause: error }), {
    sqlstate: error.sqlstate,
  });
}
