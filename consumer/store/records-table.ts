/** The statements that touch the table of records. */
import pg from 'pg';
import type { StoredRecord } from '../../src/record.js';
import { uuidv7 } from '../../src/uuid.js';
import type { Session } from './connect.js';
import { COPY_COLUMNS, copyText } from './copy-text.js';
import { rollback } from './transaction.js';
import { during, type TaggedError } from './verdict.js';

export interface RecordsTable {
  /** One statement, its own transaction unless `before` opens one. @returns the rows that the server stored. */
  copy(session: Session, rows: Iterable<Buffer>, before?: string): Promise<number>;
  /** Records whose key is there are passed over. @returns the rows that the server stored. */
  insert(session: Session, records: readonly StoredRecord[]): Promise<number>;
  /**
   * Whether the table takes a plain good row, which is taken back again. @throws the server's error when it does not.
   *
   * @param like whose service and level the row carries, so that a rule about these does not look like a broken table;
   *   refused, it is tried with Loghive's own.
   */
  probe(session: Session, like?: StoredRecord): Promise<void>;
}

/** @param now epoch milliseconds. */
export function recordsTable(schema: string, now: () => number): RecordsTable {
  const name = pg.escapeIdentifier(schema);
  const copyStatement = `copy ${name}.records (${COPY_COLUMNS}) from stdin`;
  const insertMany = `
    insert into ${name}.records (${COPY_COLUMNS})
    select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::${name}.level[], $5::text[], $6::jsonb[])
    on conflict (ts, id) do nothing`;
  const insertOne = `
    insert into ${name}.records (${COPY_COLUMNS}) values ($1, $2, $3, $4, $5, $6) on conflict (ts, id) do nothing`;

  const copy: RecordsTable['copy'] = (session, rows, before = '') =>
    during('copy', untranslatable(session, session.copy(`${before}${copyStatement}`, rows)));

  async function probeWith(session: Session, service: string, level: StoredRecord['level']): Promise<void> {
    const ms = now();
    const row: StoredRecord = {
      id: uuidv7(ms * 1000),
      timestamp: new Date(ms).toISOString(),
      service,
      level,
      message: 'probe',
      information: '{}',
    };
    try {
      // Triggers and constraints that wait for the COMMIT are asked now.
      await copy(session, copyText([row]), 'begin; set constraints all immediate; ');
    } finally {
      await rollback(session);
    }
  }

  return {
    copy,
    async insert(session, records) {
      let stored = 0;
      for (const part of partsOf(records)) {
        const [first] = part;
        const query =
          first && part.length === 1
            ? session.query(
                insertOne,
                FIELDS.map((field) => first[field]),
              )
            : session.query(
                insertMany,
                FIELDS.map((field) => part.map((record) => record[field])),
              );
        const result = await during('insert', untranslatable(session, query));
        stored += result.rowCount ?? 0;
      }
      return stored;
    },
    async probe(session, like) {
      if (like) {
        const refused = await probeWith(session, like.service, like.level).then(
          () => false,
          (error) => {
            if (!session.isOpen()) throw error;
            return true;
          },
        );
        if (!refused) return;
      }
      await probeWith(session, 'loghive', 'INFO');
    },
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

/** In the order of the columns. */
const FIELDS = ['id', 'timestamp', 'service', 'level', 'message', 'information'] as const;

/**
 * PostgreSQL 15 says of an escape such as \u00e9 within JSON, where the database's encoding has no conversion at all
 * (SQL_ASCII), that it is not supported; from 16 on that it is untranslatable, as of every other character.
 */
async function untranslatable<T>(session: Session, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const tagged = error as TaggedError;
    if (tagged.code === '0A000' && session.encoding !== 'UTF8') tagged.code = '22P05';
    throw error;
  }
}
