/**
 * The table of records that were given up. A message that is delivered again because the consumer died between COMMIT
 * and ack is found by its fingerprint: it is counted, not stored again.
 */
import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { safeValue } from '../../src/safe-value.js';
import { isUuid } from '../../src/uuid.js';
import { cleanText } from '../../src/value/safe-text.js';
import type { DatabaseSession } from './connect.js';
import { sqlStateOf } from './storage-fault.js';
import { underSavepoint } from './transaction.js';
import { during } from './verdict.js';

export interface DeadLetter {
  /** The body of a message as it was delivered, or a line of a frame in UTF-8. */
  readonly raw: Buffer;
  /** SQLSTATE, or Loghive's own code where the record never reached the table. */
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  /** The queue that it was first taken from. */
  readonly queue: string;
  readonly routingKey: string;
  /** AMQP headers, of any type that AMQP has. */
  readonly headers: Record<string, unknown>;
  readonly service?: string;
  readonly level?: string;
  readonly recordId?: string;
}

/** One statement takes up to so many letters, or bytes. */
const CHUNK_ROWS = 200;
const MIB = 1024 * 1024;
const CHUNK_BYTES = 8 * MIB;
const MOST_REASON_CHARACTERS = 4000;
const MOST_HEADER_BYTES = 256 * 1024;
/** What the column holds; the number comes from a header that anybody can write. */
const MOST_ATTEMPTS = 2 ** 31 - 1;

const COLUMNS =
  'fingerprint, raw, code, reason, attempts, queue, routing_key, headers, service, level, record_id, seen';
const COLUMN_COUNT = 12;
const COUNT_AGAIN = `
  do update set seen = letter.seen + excluded.seen, last_seen = now(),
    code = excluded.code, reason = excluded.reason, attempts = excluded.attempts, headers = excluded.headers`;

interface Row {
  readonly fingerprint: Buffer;
  readonly letter: DeadLetter;
  /** How often the same letter stands in one call. */
  readonly seen: number;
}

export interface DeadLetters {
  /**
   * Within the transaction under way.
   *
   * @throws the server's or the socket's error, in the phase `letter`.
   */
  write(session: DatabaseSession, letters: readonly DeadLetter[]): Promise<void>;
  /** The same with those that were refused last, or a plain one, in a transaction that the caller takes back. */
  probe(session: DatabaseSession): Promise<void>;
}

/** One that nobody else writes, so that consumers who probe at once do not wait for each other. */
const plainLetter = (): DeadLetter => ({
  raw: Buffer.from(`probe-${randomUUID()}`),
  code: 'invalid',
  reason: 'probe',
  attempts: 1,
  queue: 'loghive_info_logs',
  routingKey: 'loghive.info',
  headers: {},
  service: 'loghive',
  level: 'INFO',
});

export function createDeadLetters(schema: string): DeadLetters {
  const table = `${pg.escapeIdentifier(schema)}.dead_letters`;

  /** A role that may store letters but not change them keeps each as it came first. */
  async function insert(session: DatabaseSession, rows: readonly Row[], form: Form): Promise<void> {
    const places = rows.map((_, row) => `(${placeholders(row * COLUMN_COUNT)})`);
    const values = rows.flatMap((row) => form(row));
    const statement = `insert into ${table} as letter (${COLUMNS}) values ${places.join(', ')} on conflict (fingerprint)`;
    const answerTimeoutMs = await giveTime(session, rows);
    try {
      await underSavepoint(session, () => session.query(`${statement} ${COUNT_AGAIN}`, values, answerTimeoutMs));
    } catch (error) {
      if (sqlStateOf(error) !== '42501') throw error;
      await underSavepoint(session, () => session.query(`${statement} do nothing`, values, answerTimeoutMs));
    }
  }

  /** In case one of them is refused: each by itself, and that one ever plainer. */
  async function insertSingly(session: DatabaseSession, rows: readonly Row[]): Promise<void> {
    for (const row of rows) {
      for (const [tried, form] of FORMS.entries()) {
        try {
          await insert(session, [row], form);
          break;
        } catch (error) {
          if (!isOfContent(error) || tried === FORMS.length - 1) throw error;
        }
      }
    }
  }

  async function insertAll(session: DatabaseSession, rows: readonly Row[]): Promise<void> {
    for (const chunk of chunksOf(rows)) {
      try {
        await insert(session, chunk, FORMS[0]);
      } catch (error) {
        if (!isOfContent(error)) throw error;
        await insertSingly(session, chunk);
      }
    }
  }

  /** Rules of the table, triggers and policies may concern some letters only. */
  let refused: readonly DeadLetter[] = [];

  async function write(session: DatabaseSession, letters: readonly DeadLetter[]): Promise<void> {
    try {
      await during('letter', insertAll(session, rowsOf(letters)));
      refused = [];
    } catch (error) {
      refused = letters;
      throw error;
    }
  }

  return {
    write,
    async probe(session) {
      const letters = refused.length > 0 ? refused : [plainLetter()];
      await write(session, letters);
      // Counted as seen once more, which is an update.
      await write(session, letters);
    },
  };
}

/** What a busy server needs for a mebibyte, in milliseconds. */
const MS_PER_MIB = 1000;

/**
 * There is nowhere left for a letter that takes too long, and storage would pause over it for ever. So one that is large
 * gets the time that it needs, for the rest of its transaction.
 *
 * @returns how long to wait for the answer, in milliseconds; undefined: as for any statement.
 */
async function giveTime(session: DatabaseSession, rows: readonly Row[]): Promise<number | undefined> {
  const bytes = rows.reduce((sum, { letter }) => sum + letter.raw.length, 0);
  if (bytes < MIB) return undefined;
  const timeMs = Math.ceil(bytes / MIB) * MS_PER_MIB;
  await session.query(`
    select set_config('statement_timeout', '${timeMs}', true) from pg_settings
    where name = 'statement_timeout' and setting::int between 1 and ${timeMs}`);
  return 60_000 + 2 * timeMs;
}

/** Refused for what stands in it: a plainer form may be taken. */
function isOfContent(error: unknown): boolean {
  return /^(?:22|23|54)/.test(sqlStateOf(error) ?? '');
}

function placeholders(before: number): string {
  return Array.from({ length: COLUMN_COUNT }, (_, column) => `$${before + column + 1}`).join(', ');
}

/** SHA-256 over queue, routing key and raw bytes, each with its length, so that none runs into the next. */
export function fingerprintOf({ queue, routingKey, raw }: DeadLetter): Buffer {
  const hash = createHash('sha256');
  for (const part of [Buffer.from(queue), Buffer.from(routingKey), raw]) hash.update(`${part.length}:`).update(part);
  return hash.digest();
}

/** One row a fingerprint, in the order of fingerprints, so that two consumers never lock the same rows crosswise. */
function rowsOf(letters: readonly DeadLetter[]): Row[] {
  const rows = new Map<string, Row>();
  for (const letter of letters) {
    const fingerprint = fingerprintOf(letter);
    const key = fingerprint.toString('hex');
    rows.set(key, { fingerprint, letter, seen: (rows.get(key)?.seen ?? 0) + 1 });
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

function chunksOf(rows: readonly Row[]): Row[][] {
  const chunks: Row[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    bytes += row.letter.raw.length;
    if (bytes > CHUNK_BYTES || chunks.at(-1)!.length >= CHUNK_ROWS) {
      chunks.push([]);
      bytes = row.letter.raw.length;
    }
    chunks.at(-1)!.push(row);
  }
  return chunks;
}

type Form = (row: Row) => unknown[];

/** @param backslash as it is written there: doubled within JSON, so that the value holds one. */
type Writing = (text: string, backslash: string) => string;

const asItIs: Writing = (text) => text;

/** `€` becomes the six characters `\u20ac`. */
const inAscii: Writing = (text, backslash) =>
  text.replace(/[^\x00-\x7f]/g, (unit) => `${backslash}u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

function valuesOf({ fingerprint, letter, seen }: Row, written: Writing): unknown[] {
  const { raw, code, reason, attempts, queue, routingKey, headers, service, level, recordId } = letter;
  const textOf = (text: string) => written(cleanText(text), '\\');
  return [
    fingerprint,
    raw,
    textOf(code),
    textOf(reason.slice(0, MOST_REASON_CHARACTERS)),
    Math.min(attempts, MOST_ATTEMPTS),
    textOf(queue),
    textOf(routingKey),
    written(JSON.stringify(safeValue(headers, MOST_HEADER_BYTES)), '\\\\'),
    service === undefined ? null : textOf(service),
    level === undefined ? null : textOf(level),
    recordId !== undefined && isUuid(recordId) ? recordId : null,
    seen,
  ];
}

function withoutHeaders(row: Row): Row {
  const { letter } = row;
  const reason = `${letter.reason} (its headers were refused by PostgreSQL and are left out)`;
  return { ...row, letter: { ...letter, headers: {}, reason } };
}

/**
 * In the order in which they are tried. A database with another encoding than UTF8 refuses characters that it cannot hold,
 * perhaps the very ones that made a record a dead letter; the raw bytes are kept by every encoding.
 */
const FORMS: readonly [Form, ...Form[]] = [
  (row) => valuesOf(row, asItIs),
  (row) => valuesOf(row, inAscii),
  (row) => valuesOf(withoutHeaders(row), inAscii),
];
