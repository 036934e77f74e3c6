/** Statements that collect events and store decisions. Each runs in a transaction of the caller. */
import pg from 'pg';
import { uuidv7, uuidv7Timestamp } from '../../src/uuid.js';
import type { Example } from '../alerts/event.js';
import {
  type ConditionNotice,
  digestOf,
  type ErrorNotice,
  type GroupSummary,
  type NoticeContent,
} from '../alerts/notice.js';
import type { ConditionState, Decision, PendingGroup } from '../alerts/policy.js';
import type { DatabaseSession } from './connect.js';
import { isoTime } from './sql.js';

/** Events collected per statement. */
const CHUNK = 2000;
/** Maximum number of groups to read; a digest counts the others too. */
const MAX_GROUPS = 500;
/** Reports older than this are ignored: their consumer is gone. */
const REPORT_TTL = "interval '2 minutes'";
/** Retention of notices, and of groups whose error has stopped: by then it counts as new again. */
const NOTICE_RETENTION = "interval '30 days'";
const GROUP_RETENTION = "interval '8 days'";

/** Input for the decision. */
export interface Collected {
  /** Clock of the server, epoch milliseconds. */
  readonly nowMs: number;
  /** Most important first. */
  readonly groups: readonly PendingGroup[];
  readonly individualNoticesMs: readonly number[];
  readonly lastDigestMs: number | undefined;
  /** Whether notices about errors exist that no channel has sent. */
  readonly isWaiting: boolean;
  readonly conditions: readonly ConditionState[];
}

export interface Decisions {
  /** Undefined: send no notices about errors now. */
  readonly errors: Decision | undefined;
  readonly conditions: readonly ConditionNotice[];
}

export type AlertGroups = ReturnType<typeof alertGroups>;

interface GroupRow {
  shape: string;
  title: string;
  service: string;
  level: PendingGroup['level'];
  pending: string;
  first: string;
  last: string;
  is_new: boolean;
  digest_only: boolean;
  since_ms: number;
  notified_ms: number | null;
}

const epochMs = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

export function alertGroups(schema: string) {
  const name = pg.escapeIdentifier(schema);
  const [events, groups, notices, deliveries, conditions] = [
    'alert_events',
    'alert_groups',
    'alert_notices',
    'alert_deliveries',
    'alert_conditions',
  ].map((table) => `${name}.${table}`);

  const collectStatement = `
    with taken as (
      delete from ${events} where id in (select id from ${events} order by id limit ${CHUNK}) returning *
    ), summed as (
      select shape, service, level, (array_agg(title order by id))[1] as title, sum(records) as records,
        min(first_ts) as first_ts, max(last_ts) as last_ts, (array_agg(example order by id))[1] as example, count(*) as rows
      from taken group by shape, service, level
    ), stored as (
      insert into ${groups} as g
        (shape, service, level, title, pending, first_ts, last_ts, example, newest_ts, is_new)
      select shape, service, level, title, records, first_ts, last_ts, example, last_ts, true from summed
      on conflict (shape, service, level) do update set
        pending = g.pending + excluded.pending,
        pending_since = case when g.pending = 0 then now() else g.pending_since end,
        first_ts = case when g.pending = 0 then excluded.first_ts else least(g.first_ts, excluded.first_ts) end,
        last_ts = case when g.pending = 0 then excluded.last_ts else greatest(g.last_ts, excluded.last_ts) end,
        example = case when g.pending = 0 then excluded.example else g.example end,
        newest_ts = greatest(g.newest_ts, excluded.newest_ts),
        is_new = (g.pending > 0 and g.is_new) or g.newest_ts < excluded.first_ts - interval '7 days'
    )
    select coalesce(sum(rows), 0)::int as rows from summed`;

  /**
   * The latest notice of a condition has the highest id, also if the clock of this machine is behind that of another.
   */
  async function microsAfterLast(session: DatabaseSession, key: string | null): Promise<number> {
    if (key === null) return 0;
    const { rows } = await session.query<{ id: string }>(
      `select id from ${notices} where condition_key = $1 order by id desc limit 1`,
      [key],
    );
    const last = rows[0] && uuidv7Timestamp(rows[0].id);
    return last ? last.seconds * 1_000_000 + last.micros + 1000 : 0;
  }

  async function insertNotice(
    session: DatabaseSession,
    content: NoticeContent,
    channels: readonly string[],
  ): Promise<void> {
    const key = 'key' in content ? content.key : null;
    const id = uuidv7(Math.max(Date.now() * 1000, await microsAfterLast(session, key)));
    await session.query(`insert into ${notices} (id, kind, condition_key, content) values ($1, $2, $3, $4)`, [
      id,
      content.kind,
      key,
      JSON.stringify(content),
    ]);
    await session.query(`insert into ${deliveries} (notice, channel) select $1, unnest($2::text[])`, [id, channels]);
  }

  async function exampleOf(session: DatabaseSession, { shape, service, level }: PendingGroup): Promise<Example> {
    const { rows } = await session.query<{ example: Example }>(
      `select example from ${groups} where shape = $1 and service = $2 and level = $3`,
      [shape, service, level],
    );
    return rows[0]!.example;
  }

  /** All groups if none are given. */
  async function markNotified(session: DatabaseSession, notified?: readonly PendingGroup[]): Promise<void> {
    const set = 'set pending = 0, is_new = false, digest_only = false, notified_at = now()';
    if (notified === undefined) await session.query(`update ${groups} ${set} where pending > 0`);
    else await updateGroups(session, set, notified);
  }

  async function updateGroups(session: DatabaseSession, set: string, some: readonly PendingGroup[]): Promise<void> {
    if (some.length === 0) return;
    await session.query(
      `update ${groups} g ${set} from unnest($1::text[], $2::text[], $3::text[]) as one (shape, service, level)
       where g.shape = one.shape and g.service = one.service and g.level = one.level::${name}.level`,
      [some.map(({ shape }) => shape), some.map(({ service }) => service), some.map(({ level }) => level)],
    );
  }

  return {
    async tryLock(session: DatabaseSession): Promise<boolean> {
      const { rows } = await session.query<{ locked: boolean }>(
        'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked',
        [`loghive:alerts:${schema}`],
      );
      return rows[0]?.locked ?? false;
    },

    /** @returns whether more events may be waiting. */
    async collect(session: DatabaseSession): Promise<boolean> {
      const { rows } = await session.query<{ rows: number }>(collectStatement);
      return rows[0]?.rows === CHUNK;
    },

    async read(session: DatabaseSession, channels: readonly string[]): Promise<Collected> {
      const pending = await session.query<GroupRow>(
        `select shape, title, service, level, pending, ${isoTime('first_ts')} as first, ${isoTime('last_ts')} as last,
           is_new, digest_only, ${epochMs('pending_since')} as since_ms, ${epochMs('notified_at')} as notified_ms
         from ${groups} where pending > 0
         order by level desc, is_new desc, pending desc, first_ts limit ${MAX_GROUPS}`,
      );
      const { rows: recent } = await session.query<{ kind: string; at_ms: number }>(
        `select kind, ${epochMs('created_at')} as at_ms from ${notices}
         where kind = 'error' and created_at > now() - interval '1 hour'
         union all select 'digest', ${epochMs('max(created_at)')} from ${notices} where kind = 'digest'`,
      );
      const { rows: facts } = await session.query<{ now_ms: number; waiting: boolean }>(
        `select ${epochMs('now()')} as now_ms, exists (
           select from ${notices} n where kind in ('error', 'digest')
             and exists (select from ${deliveries} d where d.notice = n.id and channel = any($1) and sent_at is null)
             and not exists (select from ${deliveries} d where d.notice = n.id and sent_at is not null)) as waiting`,
        [channels],
      );
      const { rows: states } = await session.query<{
        key: string;
        sentence: string | null;
        since_ms: number | null;
        content: ConditionNotice | null;
        at_ms: number | null;
      }>(
        `with active as (
           select distinct on (key) key, sentence, since from ${conditions}
           where reported_at > now() - ${REPORT_TTL} order by key, since
         ), latest as (
           select distinct on (condition_key) condition_key as key, content, created_at from ${notices}
           where condition_key is not null order by condition_key, id desc
         )
         select key, sentence, ${epochMs('since')} as since_ms, content, ${epochMs('created_at')} as at_ms
         from active full join latest using (key)`,
      );
      return {
        nowMs: facts[0]!.now_ms,
        isWaiting: facts[0]!.waiting,
        groups: pending.rows.map(groupOf),
        individualNoticesMs: recent.filter(({ kind }) => kind === 'error').map(({ at_ms }) => at_ms),
        lastDigestMs: recent.find(({ kind }) => kind === 'digest')?.at_ms ?? undefined,
        conditions: states.map(({ key, sentence, since_ms, content, at_ms }) => ({
          key,
          active: sentence === null || since_ms === null ? undefined : { sentence, sinceMs: since_ms },
          notified: content === null || at_ms === null ? undefined : { content, atMs: at_ms },
        })),
      };
    },

    async store(
      session: DatabaseSession,
      { errors, conditions: ofLoghive }: Decisions,
      channels: readonly string[],
    ): Promise<void> {
      for (const content of ofLoghive) await insertNotice(session, content, channels);
      if (errors === undefined) return;
      for (const group of errors.individual) {
        const content: ErrorNotice = {
          kind: 'error',
          group: summaryOf(group),
          example: await exampleOf(session, group),
        };
        await insertNotice(session, content, channels);
      }
      await markNotified(session, errors.individual);
      await updateGroups(session, 'set digest_only = true', errors.digestOnly);
      if (errors.digest.length === 0) return;
      const { rows } = await session.query<{ groups: number; records: number }>(
        `select count(*)::int as groups, sum(pending)::float8 as records from ${groups} where pending > 0`,
      );
      await insertNotice(session, digestOf(errors.digest.map(summaryOf), rows[0]!), channels);
      await markNotified(session);
    },

    /** Deletes old rows. */
    async purge(session: DatabaseSession): Promise<void> {
      await session.query(`delete from ${notices} where created_at < now() - ${NOTICE_RETENTION}`);
      await session.query(
        `delete from ${groups} where pending = 0 and newest_ts < now() - ${GROUP_RETENTION} and notified_at < now() - ${GROUP_RETENTION}`,
      );
      await session.query(`delete from ${conditions} where reported_at < now() - interval '1 day'`);
    },
  };
}

function groupOf(row: GroupRow): PendingGroup {
  return {
    ...{ shape: row.shape, title: row.title, service: row.service, level: row.level, records: Number(row.pending) },
    ...{ first: row.first, last: row.last, isNew: row.is_new, digestOnly: row.digest_only },
    pendingSinceMs: row.since_ms,
    notifiedAtMs: row.notified_ms ?? undefined,
  };
}

function summaryOf({ shape, title, service, level, records, first, last, isNew }: PendingGroup): GroupSummary {
  return { shape, title, service, level, records, first, last, isNew };
}
