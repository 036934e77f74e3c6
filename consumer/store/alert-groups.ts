/** The statements that collect what was stored and keep what was decided on; each within a transaction under way. */
import pg from 'pg';
import { uuidv7 } from '../../src/uuid.js';
import type { Example } from '../alerts/event.js';
import {
  type ConditionNotice,
  digestOf,
  type ErrorNotice,
  type GroupSummary,
  type NoticeContent,
} from '../alerts/notice.js';
import type { Decision, UntoldGroup } from '../alerts/policy.js';
import type { DatabaseSession } from './connect.js';

/** Rows that one statement collects. */
const CHUNK = 2000;
/** Groups that are looked at, at most; a digest counts the others as well. */
const MOST_GROUPS = 500;
/** A consumer that has not reported for so long is gone. */
const REPORT_LASTS = "interval '2 minutes'";
/** Of a notice, and of the group of an error that does not come any more: it would be new again by then. */
const KEPT = "interval '30 days'";
const GROUP_KEPT = "interval '8 days'";

/** What there is to decide about. */
export interface Collected {
  /** The server's clock, epoch milliseconds. */
  readonly nowMs: number;
  /** Those that matter most first. */
  readonly groups: readonly UntoldGroup[];
  readonly toldAloneMs: readonly number[];
  readonly lastDigestMs: number | undefined;
  /** There are notices about errors that no channel has taken. */
  readonly isWaiting: boolean;
  readonly conditions: readonly ConditionState[];
}

/** What is or was wrong with Loghive itself. */
export interface ConditionState {
  readonly key: string;
  /** While it holds. */
  readonly active: { readonly sentence: string; readonly sinceMs: number } | undefined;
  /** What was told of it last. */
  readonly told: { readonly content: ConditionNotice; readonly atMs: number } | undefined;
}

export interface Decided {
  /** Undefined: nothing is told of errors now. */
  readonly errors: Decision | undefined;
  readonly conditions: readonly ConditionNotice[];
}

export type AlertGroups = ReturnType<typeof alertGroups>;

interface GroupRow {
  shape: string;
  title: string;
  service: string;
  level: UntoldGroup['level'];
  untold: string;
  first: string;
  last: string;
  is_new: boolean;
  digest_only: boolean;
  since_ms: number;
  told_ms: number | null;
}

/** `2026-01-31T10:30:45.123456Z` */
const timeText = (column: string) => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
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

  const collectSome = `
    with taken as (
      delete from ${events} where id in (select id from ${events} order by id limit ${CHUNK}) returning *
    ), summed as (
      select shape, service, level, (array_agg(title order by id))[1] as title, sum(records) as records,
        min(first_ts) as first_ts, max(last_ts) as last_ts, (array_agg(example order by id))[1] as example, count(*) as rows
      from taken group by shape, service, level
    ), stored as (
      insert into ${groups} as g
        (shape, service, level, title, untold, first_ts, last_ts, example, newest_ts, is_new)
      select shape, service, level, title, records, first_ts, last_ts, example, last_ts, true from summed
      on conflict (shape, service, level) do update set
        untold = g.untold + excluded.untold,
        untold_since = case when g.untold = 0 then now() else g.untold_since end,
        first_ts = case when g.untold = 0 then excluded.first_ts else least(g.first_ts, excluded.first_ts) end,
        last_ts = case when g.untold = 0 then excluded.last_ts else greatest(g.last_ts, excluded.last_ts) end,
        example = case when g.untold = 0 then excluded.example else g.example end,
        newest_ts = greatest(g.newest_ts, excluded.newest_ts),
        is_new = (g.untold > 0 and g.is_new) or g.newest_ts < excluded.first_ts - interval '7 days'
    )
    select coalesce(sum(rows), 0)::int as rows from summed`;

  async function insertNotice(
    session: DatabaseSession,
    content: NoticeContent,
    channels: readonly string[],
  ): Promise<void> {
    const id = uuidv7(Date.now() * 1000);
    const key = 'key' in content ? content.key : null;
    await session.query(`insert into ${notices} (id, kind, condition_key, content) values ($1, $2, $3, $4)`, [
      id,
      content.kind,
      key,
      JSON.stringify(content),
    ]);
    await session.query(`insert into ${deliveries} (notice, channel) select $1, unnest($2::text[])`, [id, channels]);
  }

  async function exampleOf(session: DatabaseSession, { shape, service, level }: UntoldGroup): Promise<Example> {
    const { rows } = await session.query<{ example: Example }>(
      `select example from ${groups} where shape = $1 and service = $2 and level = $3`,
      [shape, service, level],
    );
    return rows[0]!.example;
  }

  /** All of them, where no groups are given. */
  async function markTold(session: DatabaseSession, told?: readonly UntoldGroup[]): Promise<void> {
    const set = 'set untold = 0, is_new = false, digest_only = false, told_at = now()';
    if (told === undefined) await session.query(`update ${groups} ${set} where untold > 0`);
    else await updateGroups(session, set, told);
  }

  async function updateGroups(session: DatabaseSession, set: string, some: readonly UntoldGroup[]): Promise<void> {
    if (some.length === 0) return;
    await session.query(
      `update ${groups} g ${set} from unnest($1::text[], $2::text[], $3::text[]) as one (shape, service, level)
       where g.shape = one.shape and g.service = one.service and g.level = one.level::${name}.level`,
      [some.map(({ shape }) => shape), some.map(({ service }) => service), some.map(({ level }) => level)],
    );
  }

  return {
    async isMine(session: DatabaseSession): Promise<boolean> {
      const { rows } = await session.query<{ mine: boolean }>(
        'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as mine',
        [`loghive:alerts:${schema}`],
      );
      return rows[0]?.mine ?? false;
    },

    /** @returns whether there may be more. */
    async collect(session: DatabaseSession): Promise<boolean> {
      const { rows } = await session.query<{ rows: number }>(collectSome);
      return rows[0]?.rows === CHUNK;
    },

    async read(session: DatabaseSession, channels: readonly string[]): Promise<Collected> {
      const untold = await session.query<GroupRow>(
        `select shape, title, service, level, untold, ${timeText('first_ts')} as first, ${timeText('last_ts')} as last,
           is_new, digest_only, ${epochMs('untold_since')} as since_ms, ${epochMs('told_at')} as told_ms
         from ${groups} where untold > 0
         order by level desc, is_new desc, untold desc, first_ts limit ${MOST_GROUPS}`,
      );
      const { rows: told } = await session.query<{ kind: string; at_ms: number }>(
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
           where reported_at > now() - ${REPORT_LASTS} order by key, since
         ), told as (
           select distinct on (condition_key) condition_key as key, content, created_at from ${notices}
           where condition_key is not null order by condition_key, id desc
         )
         select key, sentence, ${epochMs('since')} as since_ms, content, ${epochMs('created_at')} as at_ms
         from active full join told using (key)`,
      );
      return {
        nowMs: facts[0]!.now_ms,
        isWaiting: facts[0]!.waiting,
        groups: untold.rows.map(groupOf),
        toldAloneMs: told.filter(({ kind }) => kind === 'error').map(({ at_ms }) => at_ms),
        lastDigestMs: told.find(({ kind }) => kind === 'digest')?.at_ms ?? undefined,
        conditions: states.map(({ key, sentence, since_ms, content, at_ms }) => ({
          key,
          active: sentence === null || since_ms === null ? undefined : { sentence, sinceMs: since_ms },
          told: content === null || at_ms === null ? undefined : { content, atMs: at_ms },
        })),
      };
    },

    async store(
      session: DatabaseSession,
      { errors, conditions: ofLoghive }: Decided,
      channels: readonly string[],
    ): Promise<void> {
      for (const content of ofLoghive) await insertNotice(session, content, channels);
      if (errors === undefined) return;
      for (const group of errors.alone) {
        const content: ErrorNotice = {
          kind: 'error',
          group: summaryOf(group),
          example: await exampleOf(session, group),
        };
        await insertNotice(session, content, channels);
      }
      await markTold(session, errors.alone);
      await updateGroups(session, 'set digest_only = true', errors.digestOnly);
      if (errors.digest.length === 0) return;
      const { rows } = await session.query<{ groups: number; records: number }>(
        `select count(*)::int as groups, sum(untold)::float8 as records from ${groups} where untold > 0`,
      );
      await insertNotice(session, digestOf(errors.digest.map(summaryOf), rows[0]!), channels);
      await markTold(session);
    },

    /** Forgets what nobody asks for any more. */
    async tidy(session: DatabaseSession): Promise<void> {
      await session.query(`delete from ${notices} where created_at < now() - ${KEPT}`);
      await session.query(
        `delete from ${groups} where untold = 0 and newest_ts < now() - ${GROUP_KEPT} and told_at < now() - ${GROUP_KEPT}`,
      );
      await session.query(`delete from ${conditions} where reported_at < now() - interval '1 day'`);
    },
  };
}

function groupOf(row: GroupRow): UntoldGroup {
  return {
    ...{ shape: row.shape, title: row.title, service: row.service, level: row.level, records: Number(row.untold) },
    ...{ first: row.first, last: row.last, isNew: row.is_new, digestOnly: row.digest_only },
    untoldSinceMs: row.since_ms,
    toldAtMs: row.told_ms ?? undefined,
  };
}

function summaryOf({ shape, title, service, level, records, first, last, isNew }: UntoldGroup): GroupSummary {
  return { shape, title, service, level, records, first, last, isNew };
}
