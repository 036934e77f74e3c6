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
  const insertStatement = `
    insert into ${name}.records (${COPY_COLUMNS})
    select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::${name}.level[], $5::text[], $6::jsonb[])
    on conflict (ts, id) do nothing`;

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
      const values = [
        records.map((record) => record.id),
        records.map((record) => record.timestamp),
        records.map((record) => record.service),
        records.map((record) => record.level),
        records.map((record) => record.message),
        records.map((record) => record.information),
      ];
      const result = await during('insert', untranslatable(session, session.query(insertStatement, values)));
      return result.rowCount ?? 0;
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
