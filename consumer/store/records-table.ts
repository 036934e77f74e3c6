/** The statements that touch the table of records. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Level } from '../../src/level.js';
import type { StoredRecord } from '../../src/record.js';
import { uuidv7 } from '../../src/uuid.js';
import { bytesOf, type StoreItem } from './batch.js';
import { begin, type TransactionSettings } from './begin.js';
import type { DatabaseSession } from './connect.js';
import { COPY_COLUMNS, copyText } from './copy-text.js';
import { assertCommitted, rollback } from './transaction.js';
import { during, type TaggedError } from './verdict.js';

/** What a plain row looks like. */
export interface PlainRow {
  /** Whose service and level it carries, so that a rule about these does not look like a broken table. */
  readonly like?: Pick<StoredRecord, 'service' | 'level'> | undefined;
  /** How large it is at least; default 0: a few bytes. */
  readonly bytes?: number;
}

/** More than that a plain row never needs to prove. */
const MOST_PLAIN_BYTES = 8 * 1024 * 1024;
/** Classes of SQLSTATE that speak of a shortage: a few bytes may still find room where a large record does not. */
const SHORTAGE = /^5[38]/;

/**
 * A row that shows whether it was the server that refused these records.
 *
 * @param sqlstate of the refusal.
 */
export function plainRowFor(items: readonly StoreItem[], sqlstate: string | undefined): PlainRow {
  const record = items[0]?.record;
  const like = record && { service: record.service, level: record.level };
  return { like, bytes: SHORTAGE.test(sqlstate ?? '') ? Math.min(bytesOf(items), MOST_PLAIN_BYTES) : 0 };
}

export interface RecordsTable {
  /** A transaction in one round trip. @returns the number of rows that the server stored. */
  copyAndCommit(session: DatabaseSession, rows: Iterable<Buffer>, settings: TransactionSettings): Promise<number>;
  /**
   * @param before statements that are sent along, each with its semicolon.
   * @returns the number of rows that the server stored.
   */
  copy(session: DatabaseSession, rows: Iterable<Buffer>, before?: string): Promise<number>;
  /** @returns the records that were passed over because their key is there. */
  insert(session: DatabaseSession, records: readonly StoredRecord[]): Promise<StoredRecord[]>;
  /**
   * Stores a plain good row, which the caller takes back again, in both ways in which records are stored.
   *
   * @param before begins a transaction, or brings one that has failed back to a savepoint.
   * @throws the server's error when the table takes neither that row nor one of Loghive's own service.
   */
  storePlainRow(session: DatabaseSession, before: string, row: PlainRow): Promise<void>;
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
    during('copy', named(session, session.copy(`${before}${copyStatement}${after}`, rows)));

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
        const result = await during('insert', named(session, query));
        if (result.rowCount !== part.length) duplicates.push(...notAmong(part, result.rows));
      }
      return duplicates;
    },
    async storePlainRow(session, before, { like, bytes = 0 }) {
      const store = (service: string, level: Level, first: string) => {
        const row = plainRecord(now(), service, level, bytes);
        return run(session, copyText([row]), first, insertAgain(row));
      };
      if (like) {
        try {
          await store(like.service, like.level, `${before}savepoint plain_row; `);
          return;
        } catch (error) {
          if (!session.isOpen()) throw error;
        }
      }
      await store('loghive', 'INFO', like ? 'rollback to savepoint plain_row; ' : before);
    },
  };
}

function plainRecord(ms: number, service: string, level: Level, bytes: number): StoredRecord {
  // At random, so that it takes its room on the server although PostgreSQL compresses.
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

/** pg writes a list as one text, and each place that it escapes takes memory of its own: long records go by themselves. */
const MOST_CHARACTERS = 1024 * 1024;

function partsOf(records: readonly StoredRecord[]): StoredRecord[][] {
  const parts: [StoredRecord[], ...StoredRecord[][]] = [[]];
  let part = parts[0];
  let characters = 0;
  for (const record of records) {
    characters += record.message.length + record.information.length;
    if (characters > MOST_CHARACTERS && part.length > 0) {
      part = [];
      parts.push(part);
      characters = record.message.length + record.information.length;
    }
    part.push(record);
  }
  return parts;
}

/** Records that the server has not stored. One id may stand there several times, with other times. */
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
 * Two refusals of a record whose SQLSTATE does not say so. The text of the second is never translated: it is an internal
 * error, and comes of a list of some 17 million elements.
 *
 * PostgreSQL 15 says of an escape such as \u00e9 within JSON, where the database's encoding has no conversion at all
 * (SQL_ASCII), that it is not supported; from 16 on that it is untranslatable, as of every other character.
 */
async function named<T>(session: DatabaseSession, work: Promise<T>): Promise<T> {
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
