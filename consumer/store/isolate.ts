/**
 * Finds the bad records of a batch and stores all others, in one transaction. The server names the line at which it
 * stopped; that is only a hint where to cut (its words depend on its language), every record that is rejected was
 * refused alone.
 */
import type { Outcome, Rejected, StoreItem } from './batch.js';
import type { Session } from './connect.js';
import { copyText } from './copy-text.js';
import type { RecordsTable } from './records-table.js';
import { commit, rollback } from './transaction.js';
import { type Verdict, verdictOf } from './verdict.js';

/** [from, to) of the batch's items. */
interface Part {
  readonly from: number;
  readonly to: number;
}

/**
 * @param noPartition true: a record without a partition is a bad one, because looking again at the partitions has not
 *   helped.
 * @throws the server's error where it is no record's fault; nothing is stored then.
 */
export async function isolate(
  session: Session,
  table: RecordsTable,
  items: readonly StoreItem[],
  noPartition: boolean,
): Promise<Outcome> {
  const rows = items.map((item) => Buffer.concat([...copyText([item.record])]));
  const rejected: Rejected[] = [];
  const open: Part[] = [{ from: 0, to: items.length }];
  let stored = 0;
  let duplicates = 0;
  // Sent along with the next statement, to spare a round trip.
  let before = 'begin; set constraints all immediate; savepoint part; ';
  try {
    for (let part = open.pop(); part !== undefined; part = open.pop()) {
      try {
        const count = await store(session, table, items, rows, part, before);
        stored += count.stored;
        duplicates += count.duplicates;
        before = 'release savepoint part; savepoint part; ';
      } catch (error) {
        const verdict = badOf(error, noPartition);
        if (verdict === undefined) throw error;
        before = 'rollback to savepoint part; ';
        if (part.to - part.from === 1) rejected.push(rejection(items[part.from]!, verdict, error));
        else open.push(...cut(part, hintOf(error)));
      }
    }
    // The last part may have been refused: then there is something to roll back to before there is something to commit.
    await commit(session, before);
  } catch (error) {
    await rollback(session);
    throw error;
  }
  return { stored, duplicates, rejected };
}

async function store(
  session: Session,
  table: RecordsTable,
  items: readonly StoreItem[],
  rows: readonly Buffer[],
  { from, to }: Part,
  before: string,
): Promise<{ stored: number; duplicates: number }> {
  try {
    const stored = await table.copy(session, [Buffer.concat(rows.slice(from, to))], before);
    return { stored, duplicates: 0 };
  } catch (error) {
    if (verdictOf(error) !== 'on-conflict') throw error;
    await session.query('rollback to savepoint part');
    const records = items.slice(from, to).map((item) => item.record);
    const stored = await table.insert(session, records);
    return { stored, duplicates: to - from - stored };
  }
}

function badOf(error: unknown, noPartition: boolean): Rejected['verdict'] | undefined {
  const verdict: Verdict = verdictOf(error);
  if (verdict === 'refresh-partitions' && noPartition) return 'retry';
  return verdict === 'hopeless' || verdict === 'retry' ? verdict : undefined;
}

function rejection(item: StoreItem, verdict: Rejected['verdict'], error: unknown): Rejected {
  const { code, message } = error as { code: string; message: string };
  return { item, verdict, code, message };
}

/** The index of the row within the part: COPY's context says "COPY records, line 42, column message". */
function hintOf(error: unknown): number | undefined {
  const { where } = error as { where?: string };
  const line = /^COPY records\D*(\d+)/m.exec(where ?? '')?.[1];
  return line === undefined ? undefined : Number(line) - 1;
}

/**
 * In the order in which they are taken from the end: the part before the hint, which is good as far as the server has
 * read it, the row itself, the rest. The rest is halved, so that a batch of nothing but bad records is not sent as
 * many times as it has records.
 */
function cut({ from, to }: Part, hint: number | undefined): Part[] {
  const at = hint === undefined ? -1 : from + hint;
  const middle = (start: number) => start + Math.ceil((to - start) / 2);
  const parts =
    at < from || at >= to
      ? [
          { from: middle(from), to },
          { from, to: middle(from) },
        ]
      : [
          { from: middle(at + 1), to },
          { from: at + 1, to: middle(at + 1) },
          { from: at, to: at + 1 },
          { from, to: at },
        ];
  return parts.filter((part) => part.to > part.from);
}
