/** The audit: compares the receipts of shop and till with PostgreSQL, without using any of Loghive's counters. */
import fs from 'node:fs';

/** The receipts: one id a line, written after each logging call. */
export function receiptsIn(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

const BALANCE = `
  with accepted as (select unnest($1::text[]) as receipt),
  stored as (select information ->> 'receipt' as receipt, count(*) as copies from logs.records group by 1)
  select count(accepted.receipt)::int as accepted,
         count(stored.receipt) filter (where accepted.receipt is not null)::int as stored,
         coalesce(sum(stored.copies - 1), 0)::int as duplicated,
         count(*) filter (where stored.receipt is null)::int as lost,
         count(*) filter (where accepted.receipt is null)::int as unknown
  from accepted full join stored using (receipt)`;

/** Checks every record by its id. `unknown`: rows without a receipt. */
export async function balance(query, file) {
  const [counts] = await query(BALANCE, [receiptsIn(file)]);
  return counts;
}

export function isBalanced({ accepted, stored, duplicated, lost, unknown }) {
  return accepted === stored && duplicated === 0 && lost === 0 && unknown === 0;
}

export async function rowsNow(query) {
  const [{ rows }] = await query('select count(*)::int as rows from logs.records');
  return rows;
}

const LAST_ERRORS = `
  select to_char(ts, 'HH24:MI:SS.US') as time, level, message, information -> 'error' ->> 'message' as error
  from logs.records
  where service = 'shop' and level >= 'ERROR'
  order by ts desc, id desc
  limit 3`;

export function lastErrors(query) {
  return query(LAST_ERRORS);
}
