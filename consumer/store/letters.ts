/**
 * Dead letters as a person sees to them. However many there are, they are read in pages by their key, so that a page takes
 * no more memory than the first one.
 */
import pg from 'pg';
import type { DatabaseSession } from './connect.js';
import { isoTime } from './iso-time.js';
import { conditionOf, type LetterFilter } from './letter-filter.js';
import { transaction } from './transaction.js';

export interface LetterSummary {
  /** The key: a whole number as text. */
  readonly id: string;
  readonly service: string | null;
  readonly level: string | null;
  readonly recordId: string | null;
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  readonly queue: string;
  readonly routingKey: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** ISO 8601, UTC. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** How often the same message came as a dead letter. */
  readonly seen: number;
  /** Of `raw`. */
  readonly bytes: number;
}

export interface Letter extends LetterSummary {
  readonly raw: Buffer;
}

export interface LetterTotal {
  readonly letters: number;
  readonly bytes: number;
  /** The highest key among them; those that come later are not meant. Undefined where there are none. */
  readonly newest: string | undefined;
}

export interface LetterGroup {
  readonly queue: string;
  readonly code: string;
  readonly letters: number;
}

/** Those behind `after` and up to `newest`, by their key. */
export interface LetterRange {
  readonly after: string;
  readonly newest: string;
}

export interface LetterPage<T> {
  /** Where the next page goes on; undefined: there is none. */
  readonly after: string | undefined;
  readonly content: T;
}

/** Each throws the server's or the socket's error. */
export interface Letters {
  total(session: DatabaseSession, filter: LetterFilter): Promise<LetterTotal>;
  /** The most frequent first, fifty at most. */
  groups(session: DatabaseSession, filter: LetterFilter): Promise<readonly LetterGroup[]>;
  /** The newest first, without their bytes. */
  list(
    session: DatabaseSession,
    filter: LetterFilter,
    before: string | undefined,
    limit: number,
  ): Promise<readonly LetterSummary[]>;
  get(session: DatabaseSession, id: string): Promise<Letter | undefined>;
  /** As many of the oldest in the range as fit into a few mebibytes. */
  read(session: DatabaseSession, filter: LetterFilter, range: LetterRange): Promise<LetterPage<readonly Letter[]>>;
  /**
   * The same, to be sent elsewhere: those that `send` gives back are deleted, in the transaction that was begun before. Until
   * it ends the same letters, which may come again at once, wait in the consumers that are to store them. Letters that
   * somebody else is sending are passed over.
   */
  hand(
    session: DatabaseSession,
    filter: LetterFilter,
    range: LetterRange,
    send: (letters: readonly Letter[]) => Promise<readonly string[]>,
  ): Promise<LetterPage<void>>;
  /** @returns how many were deleted. */
  drop(session: DatabaseSession, filter: LetterFilter, range: LetterRange): Promise<LetterPage<number>>;
}

const SETTINGS = { statementTimeoutMs: 300_000, lockTimeoutMs: 10_000 };
const MIB = 1024 * 1024;
const PAGE = { rows: 500, bytes: 8 * MIB };
/** Its rows are locked until it is sent. */
const SENT_PAGE = { rows: 200, bytes: MIB };
const MOST_GROUPS = 50;

const SUMMARY = `id::text as id, service, level, record_id::text as "recordId", code, reason, attempts, queue,
  routing_key as "routingKey", headers, ${isoTime('first_seen')} as "firstSeen", ${isoTime('last_seen')} as "lastSeen", seen,
  octet_length(raw) as bytes`;

export function letters(schema: string): Letters {
  const table = `${pg.escapeIdentifier(schema)}.dead_letters`;
  const within = <T>(session: DatabaseSession, work: () => Promise<T>) => transaction(session, SETTINGS, work);

  /** Keys of the next page, within the transaction under way. */
  async function keys(
    session: DatabaseSession,
    filter: LetterFilter,
    { after, newest }: LetterRange,
    most = PAGE,
  ): Promise<Keys> {
    const { sql, values } = conditionOf(filter, [
      ['id > ?::bigint', after],
      ['id <= ?::bigint', newest],
    ]);
    const { rows } = await session.query<{ id: string; bytes: number }>(
      `select id::text as id, octet_length(raw) as bytes from ${table}
       where ${sql} order by ${table}.id limit ${most.rows}`,
      [...values],
    );
    let bytes = 0;
    const fitting = rows.filter((row, at) => {
      bytes += row.bytes;
      return at === 0 || bytes <= most.bytes;
    });
    const ids = fitting.map(({ id }) => id);
    const isLast = fitting.length === rows.length && rows.length < most.rows;
    return { ids, after: isLast ? undefined : ids.at(-1) };
  }

  const byKey = (one: Letter, other: Letter) => (BigInt(one.id) < BigInt(other.id) ? -1 : 1);

  return {
    total: (session, filter) =>
      within(session, async () => {
        const { sql, values } = conditionOf(filter);
        const { rows } = await session.query<{ letters: string; bytes: string; newest: string | null }>(
          `select count(*) as letters, coalesce(sum(octet_length(raw)), 0) as bytes, max(id)::text as newest
           from ${table} where ${sql}`,
          [...values],
        );
        const [found] = rows;
        return {
          letters: Number(found?.letters ?? 0),
          bytes: Number(found?.bytes ?? 0),
          newest: found?.newest ?? undefined,
        };
      }),
    groups: (session, filter) =>
      within(session, async () => {
        const { sql, values } = conditionOf(filter);
        const { rows } = await session.query<{ queue: string; code: string; letters: string }>(
          `select queue, code, count(*) as letters from ${table} where ${sql}
           group by queue, code order by letters desc, queue, code limit ${MOST_GROUPS}`,
          [...values],
        );
        return rows.map((row) => ({ ...row, letters: Number(row.letters) }));
      }),
    list: (session, filter, before, limit) =>
      within(session, async () => {
        const { sql, values } = conditionOf(filter, before === undefined ? [] : [['id < ?::bigint', before]]);
        const { rows } = await session.query<LetterSummary & pg.QueryResultRow>(
          `select ${SUMMARY} from ${table} where ${sql} order by ${table}.id desc limit ${limit}`,
          [...values],
        );
        return rows;
      }),
    get: (session, id) =>
      within(session, async () => {
        const { rows } = await session.query<Letter & pg.QueryResultRow>(
          `select ${SUMMARY}, raw from ${table} where id = $1::bigint`,
          [id],
        );
        return rows[0];
      }),
    read: (session, filter, range) =>
      within(session, async () => {
        const { ids, after } = await keys(session, filter, range);
        const { rows } = await session.query<Letter & pg.QueryResultRow>(
          `select ${SUMMARY}, raw from ${table} where id = any($1::bigint[])`,
          [ids],
        );
        return { after, content: rows.sort(byKey) };
      }),
    hand: (session, filter, range, send) =>
      within(session, async () => {
        const { ids, after } = await keys(session, filter, range, SENT_PAGE);
        // An update that changes nothing: an insert of the same letter waits for the end of this transaction, which a lock
        // alone would not make it do where it has nothing to update.
        const { rows } = await session.query<Letter & pg.QueryResultRow>(
          `with mine as (select id as key from ${table} where id = any($1::bigint[]) order by id for update skip locked)
           update ${table} set seen = seen from mine where id = key returning ${SUMMARY}, raw`,
          [ids],
        );
        const sent = rows.length === 0 ? [] : await send(rows.sort(byKey));
        await session.query(`delete from ${table} where id = any($1::bigint[])`, [sent]);
        return { after, content: undefined };
      }),
    drop: (session, filter, range) =>
      within(session, async () => {
        const { ids, after } = await keys(session, filter, range);
        const { rowCount } = await session.query(`delete from ${table} where id = any($1::bigint[])`, [ids]);
        return { after, content: rowCount ?? 0 };
      }),
  };
}

interface Keys {
  readonly ids: readonly string[];
  readonly after: string | undefined;
}
