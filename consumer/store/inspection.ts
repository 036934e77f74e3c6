/** What `loghive doctor` asks the database. Probe rows are rolled back; the only change is that its own record is deleted. */
import pg from 'pg';
import { reasonOf } from '../../src/errors.js';
import { type DatabaseSession, openSession } from './connect.js';
import { type DatabaseTarget, parseDatabaseUrl } from './database-url.js';
import { deadLettersTable } from './dead-letters-table.js';
import { type Migration, readApplied, readMigrations } from './migrate.js';
import { type Partition, readPartitions, recordsOf } from './partition-catalog.js';
import { DAYS_BACK, dateOf, dayOf, isCovered } from './partition-days.js';
import { probe } from './probe.js';
import { recordsTable } from './records-table.js';
import { servicesTable } from './services-table.js';
import { asFault, isStorageFault } from './storage-fault.js';
import { type StoreConfig, sessionSettings } from './store-config.js';
import { rollback, transaction } from './transaction.js';

type InspectionConfig = Pick<
  StoreConfig,
  'databaseUrl' | 'schema' | 'statementTimeoutMs' | 'writeTimeoutMs' | 'connectTimeoutMs'
>;

export interface ServerFacts {
  /** `16.4`, and as a number: 160004. */
  readonly version: string;
  readonly versionNumber: number;
  readonly encoding: string;
  readonly user: string;
  readonly database: string;
}

/** `transaction`: each transaction may run in another session; `statement`: each statement, and there are no transactions. */
export type Pooling = 'none' | 'session' | 'transaction' | 'statement';

export interface SchemaFacts {
  readonly exists: boolean;
  /** Whether the user may create it. */
  readonly mayCreate: boolean;
  /** Migrations that are not applied. */
  readonly pending: readonly string[];
  /** Migrations that were applied with other content. */
  readonly changed: readonly string[];
  /** Migrations of a newer version of Loghive. */
  readonly unknown: readonly string[];
  /** The user may not read which migrations are applied. */
  readonly isHidden: boolean;
}

export type Privilege = 'select' | 'insert' | 'update' | 'delete';

export interface PrivilegeFacts {
  readonly usage: boolean;
  /** By table; tables that do not exist are absent. */
  readonly tables: ReadonlyMap<string, ReadonlySet<Privilege>>;
  /** Whether the user owns the table of records, and can add and drop partitions. */
  readonly isOwner: boolean;
}

export interface PartitionFacts {
  /** False: the table does not use declarative partitioning, so there is nothing to check. */
  readonly isPartitioned: boolean;
  readonly tomorrow: string;
  readonly hasTomorrow: boolean;
  /**
   * Rows of the default partition, counted up to `MAX_COUNTED`, and those of days that should have a partition. Undefined
   * if the user may read them only through the whole table, which would take too long.
   */
  readonly defaultRows: { readonly all: number; readonly misplaced: number } | undefined;
}

export const MAX_COUNTED = 10_000;

/** All methods reject with LoghiveError LOGHIVE_STORAGE_UNAVAILABLE and a readable reason. */
export interface Inspection {
  server(): Promise<ServerFacts>;
  pooling(): Promise<Pooling>;
  schema(): Promise<SchemaFacts>;
  privileges(): Promise<PrivilegeFacts>;
  /** Stores what batches contain, and rolls it back. Undefined if that works, else why not. */
  refusal(): Promise<string | undefined>;
  partitions(nowMs: number): Promise<PartitionFacts>;
  /** Epoch milliseconds. */
  nowMs(): Promise<number>;
  services(): Promise<readonly string[]>;
  /** @returns whether it existed. */
  removeRecord(timestamp: string, id: string): Promise<boolean>;
  close(): Promise<void>;
}

const TABLES = ['records', 'dead_letters', 'services', 'migrations'] as const;

/**
 * @param signal aborts the attempt to connect.
 * @throws the errors of `openSession`.
 */
export async function openInspection(config: InspectionConfig, signal?: AbortSignal): Promise<Inspection> {
  const { schema, statementTimeoutMs } = config;
  const target = parseDatabaseUrl(config.databaseUrl);
  const open = () => openSession(target, sessionSettings(config), signal);
  const session = await open();
  const settings = { statementTimeoutMs, lockTimeoutMs: statementTimeoutMs / 2 };
  const read = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await transaction(session, settings, work);
    } catch (error) {
      throw asFault(error, session.place);
    }
  };
  const rows = <R extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
    read(async () => (await session.query<R>(text, values)).rows);

  return {
    async server() {
      const [found] = await rows<Omit<ServerFacts, 'encoding'>>(
        `select current_setting('server_version') as version, current_setting('server_version_num')::int as "versionNumber",
           current_user as "user", current_database() as database`,
      );
      return { ...found!, encoding: session.encoding };
    },
    pooling: () =>
      poolingOf(session, open).catch((error) => {
        throw asFault(error, session.place);
      }),
    async schema() {
      const migrations = await readMigrations();
      return read(() => schemaFacts(session, schema, migrations));
    },
    privileges: () => read(() => privilegeFacts(session, schema)),
    async refusal() {
      const tables = {
        table: recordsTable(schema, Date.now),
        deadLetters: deadLettersTable(schema),
        services: servicesTable(schema, statementTimeoutMs),
      };
      try {
        await probe(session, tables, {}, statementTimeoutMs);
        return undefined;
      } catch (error) {
        const fault = asFault(error, session.place);
        return isStorageFault(fault) ? fault.reason : fault.message;
      }
    },
    partitions: (nowMs) => read(() => partitionFacts(session, schema, nowMs)),
    async nowMs() {
      const [found] = await rows<{ now: number }>('select extract(epoch from clock_timestamp())::float8 * 1000 as now');
      return found!.now;
    },
    async services() {
      const table = `${pg.escapeIdentifier(schema)}.services`;
      return (await rows<{ service: string }>(`select service from ${table} order by service`)).map(
        ({ service }) => service,
      );
    },
    removeRecord: (timestamp, id) =>
      read(async () => {
        const { rowCount } = await session.query(`delete from ${recordsOf(schema)} where ts = $1 and id = $2`, [
          timestamp,
          id,
        ]);
        return rowCount === 1;
      }),
    close: () => session.end(),
  };
}

/** The hosts of a database URL. */
export function databaseHosts(url: string): DatabaseTarget['hosts'] {
  return parseDatabaseUrl(url).hosts;
}

/** Whether two transactions of one connection may run in different sessions of the server. */
async function poolingOf(session: DatabaseSession, open: () => Promise<DatabaseSession>): Promise<Pooling> {
  const pid = async (of: DatabaseSession) =>
    (await of.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
  const first = await pid(session);
  if (session.greetedPid === first) return 'none';
  const other = await open();
  try {
    // While it holds one session of the server, a pooler in transaction mode has to give us another one.
    await other.query('begin');
    const taken = await pid(other);
    return taken === first || (await pid(session)) !== first ? 'transaction' : 'session';
  } catch (error) {
    if (reasonOf(error).includes('statement pooling mode')) return 'statement';
    throw error;
  } finally {
    await rollback(other);
    await other.end();
  }
}

async function schemaFacts(
  session: DatabaseSession,
  schema: string,
  migrations: readonly Migration[],
): Promise<SchemaFacts> {
  const { rows } = await session.query<{ there: boolean; creatable: boolean; readable: boolean | null }>(
    `select exists (select from pg_namespace where nspname = $1) as there,
       has_database_privilege(current_database(), 'create') as creatable,
       (select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
        from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = $1 and relname = 'migrations') as readable`,
    [schema],
  );
  const { there, creatable, readable } = rows[0]!;
  const checksums = readable === true ? await readApplied(session, schema) : new Map<string, string>();
  const own = new Set(migrations.map(({ name }) => name));
  return {
    exists: there && readable !== null,
    mayCreate: creatable,
    isHidden: readable === false,
    pending: migrations.filter(({ name }) => !checksums.has(name)).map(({ name }) => name),
    changed: migrations
      .filter(({ name, checksum }) => checksums.has(name) && checksums.get(name) !== checksum)
      .map(({ name }) => name),
    unknown: [...checksums.keys()].filter((name) => !own.has(name)),
  };
}

async function privilegeFacts(session: DatabaseSession, schema: string): Promise<PrivilegeFacts> {
  const { rows } = await session.query<{ table: string; owner: boolean; usage: boolean; privileges: string[] }>(
    `select relname as "table", pg_has_role(relowner, 'usage') as owner, has_schema_privilege(n.oid, 'usage') as usage,
       array(select privilege from unnest(array['select', 'insert', 'update', 'delete']) as privilege
             where has_table_privilege(c.oid, privilege)) as privileges
     from pg_class c join pg_namespace n on n.oid = relnamespace
     where nspname = $1 and relname = any($2) and relkind in ('r', 'p')`,
    [schema, TABLES],
  );
  return {
    usage: rows.every(({ usage }) => usage),
    tables: new Map(rows.map(({ table, privileges }) => [table, new Set(privileges as Privilege[])])),
    isOwner: rows.some(({ table, owner }) => table === 'records' && owner),
  };
}

async function partitionFacts(session: DatabaseSession, schema: string, nowMs: number): Promise<PartitionFacts> {
  const today = dayOf(nowMs);
  const partitions = await readPartitions(session, schema);
  const fallback = partitions?.find(({ isDefault }) => isDefault);
  const ranges = partitions?.filter(({ isDefault }) => !isDefault) ?? [];
  return {
    isPartitioned: partitions !== undefined,
    tomorrow: dateOf(today + 1),
    hasTomorrow: isCovered(today + 1, ranges),
    defaultRows: fallback === undefined ? { all: 0, misplaced: 0 } : await countRows(session, fallback, today),
  };
}

async function countRows(
  session: DatabaseSession,
  { table, oid }: Pick<Partition, 'table' | 'oid'>,
  today: number,
): Promise<PartitionFacts['defaultRows']> {
  const { rows } = await session.query<{ readable: boolean }>(
    `select has_table_privilege($1::oid, 'select') as readable`,
    [oid],
  );
  if (!rows[0]?.readable) return undefined;
  const count = async (condition: string) => {
    const { rows: counted } = await session.query<{ count: number }>(
      `select count(*)::int as count from (select from ${table} where ${condition} limit ${MAX_COUNTED}) as counted`,
    );
    return counted[0]!.count;
  };
  const [from, to] = [today - DAYS_BACK, today + 2].map((day) => `'${dateOf(day)} 00:00:00+00'`);
  return { all: await count('true'), misplaced: await count(`ts >= ${from} and ts < ${to}`) };
}
