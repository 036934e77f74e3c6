/**
 * Statements for notices to be delivered and for the conditions that consumers report. Each runs in a transaction of
 * the caller.
 */
import pg from 'pg';
import type { NoticeContent } from '../alerts/notice.js';
import type { DatabaseSession } from './connect.js';

export interface Claimed {
  readonly notice: string;
  readonly content: NoticeContent;
  readonly createdMs: number;
}

/** A current problem of a consumer or of its servers. */
export interface ReportedCondition {
  readonly key: string;
  readonly sentence: string;
  /** Epoch milliseconds. */
  readonly sinceMs: number;
}

/** A notice that was created while the database was unreachable. */
export interface OfflineNotice {
  readonly id: string;
  readonly content: NoticeContent;
  readonly channels: readonly string[];
  /** Channels that have already sent it. */
  readonly sentBy: readonly string[];
}

export type AlertDeliveries = ReturnType<typeof alertDeliveries>;

export function alertDeliveries(schema: string) {
  const name = pg.escapeIdentifier(schema);
  const [notices, deliveries, conditions] = ['alert_notices', 'alert_deliveries', 'alert_conditions'].map(
    (table) => `${name}.${table}`,
  );

  return {
    async report(session: DatabaseSession, reporter: string, reported: readonly ReportedCondition[]): Promise<void> {
      await session.query(`delete from ${conditions} where reporter = $1 and key <> all($2::text[])`, [
        reporter,
        reported.map(({ key }) => key),
      ]);
      if (reported.length === 0) return;
      await session.query(
        `insert into ${conditions} (reporter, key, sentence, since)
         select $1, key, sentence, to_timestamp(ms / 1000) from unnest($2::text[], $3::text[], $4::float8[]) as one (key, sentence, ms)
         on conflict (key, reporter) do update set sentence = excluded.sentence, since = excluded.since, reported_at = now()`,
        [
          reporter,
          reported.map(({ key }) => key),
          reported.map(({ sentence }) => sentence),
          reported.map(({ sinceMs }) => sinceMs),
        ],
      );
    },

    async claim(session: DatabaseSession, channel: string, forMs: number): Promise<Claimed | undefined> {
      const { rows } = await session.query<{ notice: string; content: NoticeContent; created_ms: number }>(
        `update ${deliveries} d set claimed_until = now() + $2 * interval '1 millisecond'
         from ${notices} n
         where n.id = d.notice and d.channel = $1 and d.notice = (
           select notice from ${deliveries}
           where channel = $1 and sent_at is null and (claimed_until is null or claimed_until < now())
           -- A notice that keeps failing does not block the others.
           order by failures, notice limit 1 for update skip locked)
         returning d.notice, n.content, (extract(epoch from n.created_at) * 1000)::float8 as created_ms`,
        [channel, forMs],
      );
      const [row] = rows;
      return row && { notice: row.notice, content: row.content, createdMs: row.created_ms };
    },

    async sent(session: DatabaseSession, notice: string, channel: string): Promise<void> {
      await session.query(
        `update ${deliveries} set sent_at = now(), claimed_until = null, last_error = null
         where notice = $1 and channel = $2 and sent_at is null`,
        [notice, channel],
      );
    },

    async failed(session: DatabaseSession, notice: string, channel: string, reason: string): Promise<void> {
      await session.query(
        `update ${deliveries} set claimed_until = null, failures = failures + 1, last_error = $3
         where notice = $1 and channel = $2 and sent_at is null`,
        [notice, channel, reason],
      );
    },

    async saveNotice(
      session: DatabaseSession,
      {
        id,
        content,
        sentBy,
        channels,
      }: { id: string; content: NoticeContent; sentBy: readonly string[]; channels: readonly string[] },
    ): Promise<void> {
      const key = 'key' in content ? content.key : null;
      await session.query(
        `insert into ${notices} (id, kind, condition_key, content) values ($1, $2, $3, $4) on conflict do nothing`,
        [id, content.kind, key, JSON.stringify(content)],
      );
      await session.query(
        `insert into ${deliveries} (notice, channel, sent_at)
         select $1, channel, case when channel = any($3::text[]) then now() end from unnest($2::text[]) as channel
         on conflict do nothing`,
        [id, channels, sentBy],
      );
    },
  };
}
