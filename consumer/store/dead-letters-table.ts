/**
 * The table of records that could not be stored. A message redelivered because the consumer died between COMMIT and ack
 * is found by its fingerprint: it is counted, not stored again.
 */
import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { safeValue } from '../../src/safe-value.js';
import { isUuid } from '../../src/uuid.js';
import { cleanText } from '../../src/value/safe-text.js';
import type { DatabaseSession } from './connect.js';
import { withPhase } from './error-action.js';
import { sqlStateOf } from './storage-fault.js';
import { underSavepoint } from './transaction.js';

export interface DeadLetter {
  /** The message body as delivered, or a line of a frame in UTF-8. */
  readonly raw: Buffer;
  /** SQLSTATE, or a Loghive code if the record never reached the table. */
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  /** The queue from which it was first consumed. */
  readonly queue: string;
  readonly routingKey: string;
  /** AMQP headers of any AMQP type. */
  readonly headers: Record<string, unknown>;
  readonly service?: string;
  readonly level?: string;
  readonly recordId?: string;
}

/** Maximum rows and bytes per statement. */
const CHUNK_ROWS = 200;
const MIB = 1024 * 1024;
const CHUNK_BYTES = 8 * MIB;
const MAX_REASON_CHARACTERS = 4000;
const MAX_HEADER_BYTES = 256 * 1024;
/** Range of the column. The number comes from a header that any publisher can set. */
const MAX_ATTEMPTS = 2 ** 31 - 1;

const COLUMNS =
  'fingerprint, raw, code, reason, attempts, queue, routing_key, headers, service, level, record_id, seen';
const COLUMN_COUNT = 12;
const COUNT_AGAIN = `
  do update set seen = letter.seen + excluded.seen, last_seen = now(),
    code = excluded.code, reason = excluded.reason, attempts = excluded.attempts, headers = excluded.headers`;

interface Row {
  readonly fingerprint: Buffer;
  readonly letter: DeadLetter;
  /** Number of occurrences in one call. */
  readonly seen: number;
}

export interface DeadLettersTable {
  /**
   * Runs in the transaction of the caller.
   *
   * @throws the server or socket error, in phase `dead-letter`.
   */
  write(session: DatabaseSession, letters: readonly DeadLetter[]): Promise<void>;
  /** The same with the dead letters that were refused last, or a probe, in a transaction that the caller rolls back. */
  probe(session: DatabaseSession): Promise<void>;
}

/** Unique, so that consumers probing at the same time do not wait for each other. */
const probeLetter = (): DeadLetter => ({
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

export function deadLettersTable(schema: string): DeadLettersTable {
  const table = `${pg.escapeIdentifier(schema)}.dead_letters`;

  /** Without the UPDATE privilege, a repeated dead letter is left as it is. */
  async function insert(session: DatabaseSession, rows: readonly Row[], form: Form): Promise<void> {
    const places = rows.map((_, row) => `(${placeholders(row * COLUMN_COUNT)})`);
    const values = rows.flatMap((row) => form(row));
    const statement = `insert into ${table} as letter (${COLUMNS}) values ${places.join(', ')} on conflict (fingerprint)`;
    const answerTimeoutMs = await extendTimeout(session, rows);
    try {
      await underSavepoint(session, () => session.query(`${statement} ${COUNT_AGAIN}`, values, answerTimeoutMs));
    } catch (error) {
      if (sqlStateOf(error) !== '42501') throw error;
      await underSavepoint(session, () => session.query(`${statement} do nothing`, values, answerTimeoutMs));
    }
  }

  /** If one of them is refused: inserts each alone, and the refused one in ever simpler forms. */
  async function insertSingly(session: DatabaseSession, rows: readonly Row[]): Promise<void> {
    for (const row of rows) {
      for (const [tried, form] of FORMS.entries()) {
        try {
          await insert(session, [row], form);
          break;
        } catch (error) {
          if (!isContentError(error) || tried === FORMS.length - 1) throw error;
        }
      }
    }
  }

  async function insertAll(session: DatabaseSession, rows: readonly Row[]): Promise<void> {
    for (const chunk of chunksOf(rows)) {
      try {
        await insert(session, chunk, FORMS[0]);
      } catch (error) {
        if (!isContentError(error)) throw error;
        await insertSingly(session, chunk);
      }
    }
  }

  /** The last refused dead letters. Constraints, triggers and policies may affect only some of them. */
  let refused: readonly DeadLetter[] = [];

  async function write(session: DatabaseSession, letters: readonly DeadLetter[]): Promise<void> {
    try {
      await withPhase('dead-letter', insertAll(session, rowsOf(letters)));
      refused = [];
    } catch (error) {
      refused = letters;
      throw error;
    }
  }

  return {
    write,
    async probe(session) {
      const letters = refused.length > 0 ? refused : [probeLetter()];
      await write(session, letters);
      // The second insert becomes an UPDATE.
      await write(session, letters);
    },
  };
}

/** Time per mebibyte on a busy server, in milliseconds. */
const MS_PER_MIB = 1000;

/**
 * There is no fallback for a dead letter that times out: storage would pause forever. So a large one gets the time that
 * it needs, for the rest of its transaction.
 *
 * @returns answer timeout in milliseconds; undefined for the default.
 */
async function extendTimeout(session: DatabaseSession, rows: readonly Row[]): Promise<number | undefined> {
  const bytes = rows.reduce((sum, { letter }) => sum + letter.raw.length, 0);
  if (bytes < MIB) return undefined;
  const timeMs = Math.ceil(bytes / MIB) * MS_PER_MIB;
  await session.query(`
    select set_config('statement_timeout', '${timeMs}', true) from pg_settings
    where name = 'statement_timeout' and setting::int between 1 and ${timeMs}`);
  return 60_000 + 2 * timeMs;
}

/** Refused because of its content: a simpler form may be accepted. */
function isContentError(error: unknown): boolean {
  return /^(?:22|23|54)/.test(sqlStateOf(error) ?? '');
}

function placeholders(before: number): string {
  return Array.from({ length: COLUMN_COUNT }, (_, column) => `$${before + column + 1}`).join(', ');
}

/** SHA-256 over queue, routing key and raw bytes, each prefixed with its length to avoid ambiguity. */
export function fingerprintOf({ queue, routingKey, raw }: DeadLetter): Buffer {
  const hash = createHash('sha256');
  for (const part of [Buffer.from(queue), Buffer.from(routingKey), raw]) hash.update(`${part.length}:`).update(part);
  return hash.digest();
}

/** One row per fingerprint, sorted, so that two consumers never deadlock. */
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

/** @param backslash as written in the output: doubled within JSON, so that the value contains one. */
type Encode = (text: string, backslash: string) => string;

const unchanged: Encode = (text) => text;

/** `€` becomes the six characters `\u20ac`. */
const inAscii: Encode = (text, backslash) =>
  text.replace(/[^\x00-\x7f]/g, (unit) => `${backslash}u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

function valuesOf({ fingerprint, letter, seen }: Row, written: Encode): unknown[] {
  const { raw, code, reason, attempts, queue, routingKey, headers, service, level, recordId } = letter;
  const textOf = (text: string) => written(cleanText(text), '\\');
  return [
    fingerprint,
    raw,
    textOf(code),
    textOf(reason.slice(0, MAX_REASON_CHARACTERS)),
    Math.min(attempts, MAX_ATTEMPTS),
    textOf(queue),
    textOf(routingKey),
    written(JSON.stringify(safeValue(headers, MAX_HEADER_BYTES)), '\\\\'),
    service === undefined ? null : textOf(service),
    level === undefined ? null : textOf(level),
    recordId !== undefined && isUuid(recordId) ? recordId : null,
    seen,
  ];
}

function withoutHeaders(row: Row): Row {
  const { letter } = row;
  const reason = `${letter.reason} (its headers were refused by PostgreSQL and are omitted)`;
  return { ...row, letter: { ...letter, headers: {}, reason } };
}

/**
 * In order of preference. A database with an encoding other than UTF8 refuses characters it cannot represent, perhaps
 * the very ones that made a record a dead letter. The raw bytes can be stored in any encoding.
 */
const FORMS: readonly [Form, ...Form[]] = [
  (row) => valuesOf(row, unchanged),
  (row) => valuesOf(row, inAscii),
  (row) => valuesOf(withoutHeaders(row), inAscii),
];
