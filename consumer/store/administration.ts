/** What a person asks of the database by the command line: dead letters, partitions, services. */
import { LoghiveError } from '../../src/errors.js';
import type { DatabaseSession } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import { keepSession } from './kept-session.js';
import type { LetterFilter } from './letter-filter.js';
import {
  type Letter,
  type LetterGroup,
  type LetterPage,
  type LetterRange,
  type LetterSummary,
  type LetterTotal,
  letters,
} from './letters.js';
import { type PartitionSize, partitionSizes } from './partition-sizes.js';
import { type KnownService, servicesList } from './services-list.js';
import { asFault, isStorageFault } from './storage-fault.js';
import { type StoreConfig, sessionSettings } from './store-config.js';

/** One connection, opened when it is needed. Each rejects with a LoghiveError that says why, in words. */
export interface Administration {
  readonly letters: {
    total(filter: LetterFilter): Promise<LetterTotal>;
    groups(filter: LetterFilter): Promise<readonly LetterGroup[]>;
    list(filter: LetterFilter, before: string | undefined, limit: number): Promise<readonly LetterSummary[]>;
    get(id: string): Promise<Letter | undefined>;
    read(filter: LetterFilter, range: LetterRange): Promise<LetterPage<readonly Letter[]>>;
    /** Never repeated by itself: `send` has effects. */
    hand(
      filter: LetterFilter,
      range: LetterRange,
      send: (letters: readonly Letter[]) => Promise<readonly string[]>,
    ): Promise<LetterPage<void>>;
    drop(filter: LetterFilter, range: LetterRange): Promise<LetterPage<number>>;
  };
  readonly services: {
    all(): Promise<readonly KnownService[]>;
    add(services: readonly string[]): Promise<readonly string[]>;
    remove(service: string): Promise<boolean>;
  };
  partitions(exact: boolean): Promise<readonly PartitionSize[]>;
  close(): Promise<void>;
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION when the URL is wrong. */
export function openAdministration(config: StoreConfig): Administration {
  const { schema } = config;
  const kept = keepSession(parseDatabaseUrl(config.databaseUrl), sessionSettings(config));
  const table = letters(schema);
  const services = servicesList(schema);
  const run = <T>(work: (session: DatabaseSession) => Promise<T>) => kept.run(work).catch(throwInWords);
  const runOnce = <T>(work: (session: DatabaseSession) => Promise<T>) => {
    const once = async () => {
      const session = await kept.current();
      try {
        return await work(session);
      } catch (error) {
        session.destroy();
        throw asFault(error, session.place);
      }
    };
    return kept.guarded(once).catch(throwInWords);
  };
  return {
    letters: {
      total: (filter) => run((session) => table.total(session, filter)),
      groups: (filter) => run((session) => table.groups(session, filter)),
      list: (filter, before, limit) => run((session) => table.list(session, filter, before, limit)),
      get: (id) => run((session) => table.get(session, id)),
      read: (filter, range) => run((session) => table.read(session, filter, range)),
      hand: (filter, range, send) => runOnce((session) => table.hand(session, filter, range, send)),
      drop: (filter, range) => run((session) => table.drop(session, filter, range)),
    },
    services: {
      all: () => run((session) => services.all(session)),
      add: (names) => run((session) => services.add(session, names)),
      remove: (service) => run((session) => services.remove(session, service)),
    },
    partitions: (exact) => run((session) => partitionSizes(session, schema, exact)),
    close: () => kept.close(),
  };
}

/** Nobody stores records here: what the database says is enough. */
function throwInWords(error: unknown): never {
  if (!isStorageFault(error)) throw error;
  throw new LoghiveError(error.code, `PostgreSQL: ${error.reason}`, { cause: error });
}
