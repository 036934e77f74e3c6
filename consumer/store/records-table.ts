/** Statements on the records table. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Level } from '../../src/level.js';
import type { StoredRecord } from '../../src/record.js';
import { uuidv7 } from '../../src/uuid.js';
import { bytesOf, type StoreItem } from './batch.js';
import type { DatabaseSession } from './connect.js';
import { COPY_COLUMNS, copyText } from './copy-text.js';
import { type TaggedError, withPhase } from './error-action.js';
import { begin, type TransactionSettings } from './sql.js';
import { assertCommitted, rollback } from './transaction.js';

/** What a probe row looks like. */
export interface ProbeRow {
  /** Service and level to use, so that a constraint on these does not look like a broken table. */
  readonly like?: Pick<StoredRecord, 'service' | 'level'> | undefined;
  /** Minimum size in bytes. Default 0: a few bytes. */
  readonly bytes?: number;
}

/** Maximum size of a probe row, in bytes. */
const MAX_PROBE_BYTES = 8 * 1024 * 1024;
/** SQLSTATE classes of shortages: a few bytes may still fit where a large record does not. */
const SHORTAGE = /^5[38]/;

/**
 * A row that shows whether the server is the cause of refusing these records.
 *
 * @param sqlstate of the refusal.
 */
export function probeRowFor(items: readonly StoreItem[], sqlstate: string | undefined): ProbeRow {
  const record = items[0]?.record;
  const like = record && { service: record.service, level: record.level };
  return { like, bytes: SHORTAGE.test(sqlstate ?? '') ? Math.min(bytesOf(items), MAX_PROBE_BYTES) : 0 };
}

export interface RecordsTable {
  /** Runs a whole transaction in one round trip. @returns the number of stored rows. */
  copyAndCommit(session: DatabaseSession, rows: Iterable<Buffer>, settings: TransactionSettings): Promise<number>;
  /**
   * @param before statements to send in the same round trip, each with its semicolon.
   * @returns the number of stored rows.
   */
  copy(session: DatabaseSession, rows: Iterable<Buffer>, before?: string): Promise<number>;
  /** @returns the records whose key already exists. */
  insert(session: DatabaseSession, records: readonly StoredRecord[]): Promise<StoredRecord[]>;
  /**
   * Stores a probe row with both statements that store records. The caller rolls it back.
   *
   * @param before begins a transaction, or rolls a failed one back to a savepoint.
   * @throws the server error if the table refuses both this row and one of service "loghive".
   */
  storeProbeRow(session: DatabaseSession, before: string, row: ProbeRow): Promise<void>;
}

/** @param now epoch milliseconds. */
export function recordsTable(schema: string, now: () => number): RecordsTable {
  const name = pg.escapeIdentifier(schema);
  const copyStatement = `copy ${name}.records (${COPY_COLUMNS}) from stdin`;
  const insertInto = `insert into ${name}.records (${COPY_COLUMNS})`;
  const insertMany = `
    ${insertInto}
    select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::${name}.level[], $5::text[], $6::jsonb[])
    on conflict (ts, id) do nothing returning id`;
  const insertOne = `${insertInto} values ($1, $2, $3, $4, $5, $6) on conflict (ts, id) do nothing returning id`;

  const run = (session: DatabaseSession, rows: Iterable<Buffer>, before: string, after = '') =>
    withPhase('copy', normalizeSqlState(session, session.copy(`${before}${copyStatement}${after}`, rows)));

  function insertAgain({ id, timestamp, service, level }: StoredRecord): string {
    const literals = [id, timestamp, service, level, 'probe', '{}'].map(pg.escapeLiteral).join(', ');
    return `; ${insertInto} values (${literals}) on conflict (ts, id) do nothing`;
  }

  return {
    async copyAndCommit(session, rows, settings) {
      try {
        const { rows: stored, command } = await run(session, rows, begin(settings), '; commit');
        assertCommitted(command);
        return stored;
      } catch (error) {
        await rollback(session);
        throw error;
      }
    },
    async copy(session, rows, before = '') {
      return (await run(session, rows, before)).rows;
    },
    async insert(session, records) {
      const duplicates: StoredRecord[] = [];
      for (const part of partsOf(records)) {
        const [first] = part;
        const query =
          first && part.length === 1
            ? session.query<{ id: string }>(
                insertOne,
                FIELDS.map((field) => first[field]),
              )
            : session.query<{ id: string }>(
                insertMany,
                FIELDS.map((field) => part.map((record) => record[field])),
              );
        const result = await withPhase('insert', normalizeSqlState(session, query));
        if (result.rowCount !== part.length) duplicates.push(...notAmong(part, result.rows));
      }
      return duplicates;
    },
    async storeProbeRow(session, before, { like, bytes = 0 }) {
      const store = (service: string, level: Level, first: string) => {
        const row = probeRecord(now(), service, level, bytes);
        return run(session, copyText([row]), first, insertAgain(row));
      };
      if (like) {
        try {
          await store(like.service, like.level, `${before}savepoint probe_row; `);
          return;
        } catch (error) {
          if (!session.isOpen()) throw error;
        }
      }
      await store('loghive', 'INFO', like ? 'rollback to savepoint probe_row; ' : before);
    },
  };
}

function probeRecord(ms: number, service: string, level: Level, bytes: number): StoredRecord {
  // Random data, which PostgreSQL cannot compress.
  const information = bytes === 0 ? {} : { probe: randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64') };
  return {
    id: uuidv7(ms * 1000),
    timestamp: new Date(ms).toISOString(),
    service,
    level,
    message: 'probe',
    information: JSON.stringify(information),
  };
}

/**
 * pg serializes an array to one string, and each escaped character costs memory, so long records are inserted alone.
 */
const MAX_CHARACTERS = 1024 * 1024;

function partsOf(records: readonly StoredRecord[]): StoredRecord[][] {
  const parts: [StoredRecord[], ...StoredRecord[][]] = [[]];
  let part = parts[0];
  let characters = 0;
  for (const record of records) {
    characters += record.message.length + record.information.length;
    if (characters > MAX_CHARACTERS && part.length > 0) {
      part = [];
      parts.push(part);
      characters = record.message.length + record.information.length;
    }
    part.push(record);
  }
  return parts;
}

/** The records that the server has not stored. An id may occur several times with different timestamps. */
function notAmong(records: readonly StoredRecord[], stored: readonly { id: string }[]): StoredRecord[] {
  const left = new Map<string, number>();
  for (const { id } of stored) left.set(id, (left.get(id) ?? 0) + 1);
  return records.filter(({ id }) => {
    const count = left.get(id) ?? 0;
    left.set(id, count - 1);
    return count <= 0;
  });
}

/** In the order of the columns. */
const FIELDS = ['id', 'timestamp', 'service', 'level', 'message', 'information'] as const;

/**
 * Corrects the SQLSTATE of two refusals that are caused by the record. The message of the second is never translated:
 * it is an internal error, raised for a list of about 17 million elements.
 *
 * If the encoding of the database has no conversion at all (SQL_ASCII), PostgreSQL 15 reports an escape such as \u00e9
 * in JSON as not supported; from 16 on as untranslatable, like every other character.
 */
async function normalizeSqlState<T>(session: DatabaseSession, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const tagged = error as TaggedError;
    if (tagged.code === '0A000' && session.encoding !== 'UTF8') tagged.code = '22P05';
    if (tagged.code === 'XX000' && tagged.message.startsWith('invalid memory alloc request size'))
      tagged.code = '54000';
    throw error;
  }
}
