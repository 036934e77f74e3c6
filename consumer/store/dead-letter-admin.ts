/** Dead letters for operators. They are read in pages by key, so memory use does not depend on their number. */
import pg from 'pg';
import { LEVELS, type Level } from '../../src/level.js';
import { queueName } from '../../src/wire.js';
import type { DatabaseSession } from './connect.js';
import { isoTime } from './sql.js';
import { transaction } from './transaction.js';

export interface DeadLetterSummary {
  /** The key: an integer as text. */
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
  /** How often the same message became a dead letter. */
  readonly seen: number;
  /** Size of `raw`. */
  readonly bytes: number;
}

export interface StoredDeadLetter extends DeadLetterSummary {
  readonly raw: Buffer;
}

export interface DeadLetterTotal {
  readonly letters: number;
  readonly bytes: number;
  /** The highest key. Later dead letters are excluded. Undefined if there are none. */
  readonly newest: string | undefined;
}

export interface DeadLetterGroup {
  readonly queue: string;
  readonly code: string;
  readonly letters: number;
}

/** Keys after `after`, up to and including `newest`. */
export interface DeadLetterRange {
  readonly after: string;
  readonly newest: string;
}

export interface DeadLetterPage<T> {
  /** Start of the next page; undefined if there is none. */
  readonly after: string | undefined;
  readonly content: T;
}

/** All methods throw the server or socket error. */
export interface DeadLetterAdmin {
  total(session: DatabaseSession, filter: DeadLetterFilter): Promise<DeadLetterTotal>;
  /** Most frequent first, at most fifty. */
  groups(session: DatabaseSession, filter: DeadLetterFilter): Promise<readonly DeadLetterGroup[]>;
  /** Newest first, without `raw`. */
  list(
    session: DatabaseSession,
    filter: DeadLetterFilter,
    before: string | undefined,
    limit: number,
  ): Promise<readonly DeadLetterSummary[]>;
  get(session: DatabaseSession, id: string): Promise<StoredDeadLetter | undefined>;
  /** Oldest first, as many as fit into a few mebibytes. */
  read(
    session: DatabaseSession,
    filter: DeadLetterFilter,
    range: DeadLetterRange,
  ): Promise<DeadLetterPage<readonly StoredDeadLetter[]>>;
  /**
   * Reads a page to be sent elsewhere. The ids that `send` returns are deleted, in the same transaction. Until it ends,
   * consumers that want to store the same dead letters again wait. Rows that another process is sending are skipped.
   */
  republish(
    session: DatabaseSession,
    filter: DeadLetterFilter,
    range: DeadLetterRange,
    send: (letters: readonly StoredDeadLetter[]) => Promise<readonly string[]>,
  ): Promise<DeadLetterPage<void>>;
  /** @returns the number of deleted rows. */
  drop(session: DatabaseSession, filter: DeadLetterFilter, range: DeadLetterRange): Promise<DeadLetterPage<number>>;
}

const SETTINGS = { statementTimeoutMs: 300_000, lockTimeoutMs: 10_000 };
const MIB = 1024 * 1024;
const PAGE = { rows: 500, bytes: 8 * MIB };
/** Small: its rows stay locked until it is sent. */
const SENT_PAGE = { rows: 200, bytes: MIB };
const MAX_GROUPS = 50;

const SUMMARY = `id::text as id, service, level, record_id::text as "recordId", code, reason, attempts, queue,
  routing_key as "routingKey", headers, ${isoTime('first_seen')} as "firstSeen", ${isoTime('last_seen')} as "lastSeen", seen,
  octet_length(raw) as bytes`;

export function deadLetterAdmin(schema: string): DeadLetterAdmin {
  const table = `${pg.escapeIdentifier(schema)}.dead_letters`;
  const within = <T>(session: DatabaseSession, work: () => Promise<T>) => transaction(session, SETTINGS, work);

  /** Keys of the next page, in the transaction of the caller. */
  async function keys(
    session: DatabaseSession,
    filter: DeadLetterFilter,
    { after, newest }: DeadLetterRange,
    max = PAGE,
  ): Promise<Keys> {
    const { sql, values } = conditionOf(filter, [
      ['id > ?::bigint', after],
      ['id <= ?::bigint', newest],
    ]);
    const { rows } = await session.query<{ id: string; bytes: number }>(
      `select id::text as id, octet_length(raw) as bytes from ${table}
       where ${sql} order by ${table}.id limit ${max.rows}`,
      [...values],
    );
    let bytes = 0;
    const page = rows.filter((row, at) => {
      bytes += row.bytes;
      return at === 0 || bytes <= max.bytes;
    });
    const ids = page.map(({ id }) => id);
    const isLast = page.length === rows.length && rows.length < max.rows;
    return { ids, after: isLast ? undefined : ids.at(-1) };
  }

  const byKey = (one: StoredDeadLetter, other: StoredDeadLetter) => (BigInt(one.id) < BigInt(other.id) ? -1 : 1);

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
           group by queue, code order by letters desc, queue, code limit ${MAX_GROUPS}`,
          [...values],
        );
        return rows.map((row) => ({ ...row, letters: Number(row.letters) }));
      }),
    list: (session, filter, before, limit) =>
      within(session, async () => {
        const { sql, values } = conditionOf(filter, before === undefined ? [] : [['id < ?::bigint', before]]);
        const { rows } = await session.query<DeadLetterSummary & pg.QueryResultRow>(
          `select ${SUMMARY} from ${table} where ${sql} order by ${table}.id desc limit ${limit}`,
          [...values],
        );
        return rows;
      }),
    get: (session, id) =>
      within(session, async () => {
        const { rows } = await session.query<StoredDeadLetter & pg.QueryResultRow>(
          `select ${SUMMARY}, raw from ${table} where id = $1::bigint`,
          [id],
        );
        return rows[0];
      }),
    read: (session, filter, range) =>
      within(session, async () => {
        const { ids, after } = await keys(session, filter, range);
        const { rows } = await session.query<StoredDeadLetter & pg.QueryResultRow>(
          `select ${SUMMARY}, raw from ${table} where id = any($1::bigint[])`,
          [ids],
        );
        return { after, content: rows.sort(byKey) };
      }),
    republish: (session, filter, range, send) =>
      within(session, async () => {
        const { ids, after } = await keys(session, filter, range, SENT_PAGE);
        // A no-op update, not just a lock: an insert of the same dead letter then waits for the end of this transaction
        // even if it has nothing to update.
        const { rows } = await session.query<StoredDeadLetter & pg.QueryResultRow>(
          `with locked as (select id as key from ${table} where id = any($1::bigint[]) order by id for update skip locked)
           update ${table} set seen = seen from locked where id = key returning ${SUMMARY}, raw`,
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

// Builds the SQL condition of a filter. Pure.

/** All given criteria must match; an empty filter matches every dead letter. */
export interface DeadLetterFilter {
  /** Service of the record, or of its queue if the record could not be parsed. */
  readonly service?: string;
  readonly level?: Level;
  readonly code?: string;
  readonly queue?: string;
  /** Last seen at or after this time, ISO 8601. */
  readonly since?: string;
  /** Last seen before this time. */
  readonly until?: string;
  readonly ids?: readonly string[];
}

export interface Condition {
  /** Without `where`; `true` if every row matches. */
  readonly sql: string;
  readonly values: readonly unknown[];
}

export function conditionOf(
  filter: DeadLetterFilter,
  more: readonly (readonly [sql: string, value: unknown])[] = [],
): Condition {
  const values: unknown[] = [];
  const parts: string[] = [];
  /** `?` is the placeholder of the value. */
  const add = (sql: string, value: unknown) => {
    values.push(value);
    parts.push(sql.replaceAll('?', `$${values.length}`));
  };
  const { service, level, code, queue, since, until, ids } = filter;
  if (service !== undefined) {
    add('(service = ? or service is null', service);
    add(
      'queue = any(?::text[]))',
      LEVELS.map((each) => queueName(service, each)),
    );
  }
  if (level !== undefined) {
    add('(level = ? or level is null', level);
    add('right(queue, length(?)) = ?)', queueName('', level));
  }
  if (code !== undefined) add('code = ?', code);
  if (queue !== undefined) add('queue = ?', queue);
  if (since !== undefined) add('last_seen >= ?::timestamptz', since);
  if (until !== undefined) add('last_seen < ?::timestamptz', until);
  if (ids !== undefined) add('id = any(?::bigint[])', ids);
  for (const [sql, value] of more) add(sql, value);
  return { sql: parts.length === 0 ? 'true' : parts.join(' and '), values };
}
