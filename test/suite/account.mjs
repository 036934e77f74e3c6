/**
 * Accounts for every record: accepted records come from the applications' files, stored and dead-lettered ones from the
 * tables.
 */

/** The records with the fields that were logged. For a console call, these are its second argument. */
const LOGGED = `(
  select ts, id, level, message, information ? 'args' as printed,
    case when information ? 'args' then information->'args'->1 else information end as fields
  from logs.records
) as logged`;

/** SQL condition: the record is stored as it was logged. The text of a console call also shows the fields. */
const INTACT = `
  (case when printed then split_part(message, ' {', 1) else message end) = 'order ' || (fields->>'ref') || ' placed'
  and level = (case fields->>'as' when 'warn' then 'WARNING' else upper(fields->>'as') end)::logs.level
  and length(coalesce(fields->>'note', '')) = coalesce((fields->>'noteLength')::int, 0)`;

/** Upper bound for good records in all scenarios. */
const LARGEST_GOOD_BYTES = 1024 * 1024;

/** Number of adjacent records (by ts, id) of one application that were not logged in this order. */
const SWAPPED = `
  select count(*)::int from (
    select (fields->>'n')::int as n, lag((fields->>'n')::int) over (partition by fields->>'shop' order by ts, id) as before
    from ${LOGGED} where fields ? 'shop'
  ) as neighbours where n < before`;

/**
 * @param expected.refs refs of the accepted good records.
 * @param expected.doubtful refs of records that may be stored or dead-lettered.
 * @param expected.timesAtMost how many times a doubtful record may be stored.
 * @returns counts, with example refs in `examples`.
 */
export async function account(postgres, database, { refs, doubtful, timesAtMost }) {
  const rows = await postgres.query(
    `select fields->>'ref' as ref, count(*)::int as times, bool_and(${INTACT}) as intact from ${LOGGED} group by 1`,
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
  const allowed = ({ ref }) => (known.has(ref) ? timesAtMost : 0);
  /** Records that were never logged, and doubtful ones that were stored too often. */
  const surplus = rows.filter((row) => !good.has(row.ref) && row.times > allowed(row));
  return {
    accepted: good.size,
    stored: refs.filter((ref) => times.has(ref)).length,
    twice: doubled.reduce((sum, ref) => sum + times.get(ref) - 1, 0),
    surplus: surplus.reduce((sum, row) => sum + row.times - allowed(row), 0),
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
