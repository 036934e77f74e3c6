/**
 * Accounts for every record: accepted records come from the applications' files, stored and dead-lettered ones from the
 * tables.
 */

/** SQL condition: the record is stored as it was logged. */
const INTACT = `
  message = 'order ' || (information->>'ref') || ' placed'
  and level = (case information->>'as' when 'warn' then 'WARNING' else upper(information->>'as') end)::logs.level
  and length(coalesce(information->>'note', '')) = coalesce((information->>'noteLength')::int, 0)`;

/** Upper bound for good records in all scenarios. */
const LARGEST_GOOD_BYTES = 1024 * 1024;

/** Number of adjacent records (by ts, id) of one application that were not logged in this order. */
const SWAPPED = `
  select count(*)::int from (
    select n, lag(n) over (partition by shop order by ts, id) as before
    from (select ts, id, information->>'shop' as shop, (information->>'n')::int as n from logs.records
          where information ? 'shop') as logged
  ) as neighbours where n < before`;

/**
 * @param refs refs of the accepted good records.
 * @param doubtful refs of records that may be stored or dead-lettered, at most once each.
 * @returns counts, with example refs in `examples`.
 */
export async function account(postgres, database, refs, doubtful = []) {
  const rows = await postgres.query(
    `select information->>'ref' as ref, count(*)::int as times, bool_and(${INTACT}) as intact
     from logs.records group by 1`,
    [],
    database,
  );
  const letters = await postgres.query(
    'select case when octet_length(raw) <= $1::int then raw end as raw from logs.dead_letters',
    [LARGEST_GOOD_BYTES],
    database,
  );
  const [swapped] = await postgres.query(SWAPPED, [], database);
  const times = new Map(rows.map((row) => [row.ref, row.times]));
  const deadLettered = new Set(letters.map(({ raw }) => raw && refOf(raw)).filter((ref) => ref !== undefined));

  const good = new Set(refs);
  const known = new Set([...refs, ...doubtful]);
  const goodInDeadLetters = [...deadLettered].filter((ref) => good.has(ref));
  const lost = refs.filter((ref) => !times.has(ref) && !deadLettered.has(ref));
  const doubled = refs.filter((ref) => (times.get(ref) ?? 0) > 1);
  const changed = rows.filter((row) => good.has(row.ref) && !row.intact).map((row) => row.ref);
  /** Records that were never logged, and doubtful ones that were stored more than once. */
  const surplus = rows.filter((row) => !good.has(row.ref) && row.times > (known.has(row.ref) ? 1 : 0));
  return {
    accepted: good.size,
    stored: refs.filter((ref) => times.has(ref)).length,
    twice: doubled.reduce((sum, ref) => sum + times.get(ref) - 1, 0),
    surplus: surplus.reduce((sum, row) => sum + row.times - (known.has(row.ref) ? 1 : 0), 0),
    lost: lost.length,
    goodInDeadLetters: goodInDeadLetters.length,
    changed: changed.length,
    swapped: swapped.count,
    deadLetters: letters.length,
    examples: {
      twice: doubled.slice(0, 5),
      surplus: surplus.slice(0, 5).map((row) => row.ref ?? 'without a ref'),
      lost: lost.slice(0, 5),
      goodInDeadLetters: goodInDeadLetters.slice(0, 5),
      changed: changed.slice(0, 5),
    },
  };
}

function refOf(raw) {
  try {
    return JSON.parse(raw.toString('utf8')).information.ref;
  } catch {
    return undefined;
  }
}
