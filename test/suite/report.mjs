/** A line for each row, and what was wrong with it. */

/**
 * Sentences; none when the row has passed.
 *
 * @param bites what the faults must have bitten at least, by name; `bite` what they did.
 * @param least { records, perSecond } that were logged.
 */
export function faultsOfRow({ bites, counted, bite, least }) {
  const faults = [];
  const must = (holds, sentence) => {
    if (!holds) faults.push(sentence);
  };
  const example = (name) => (counted.examples[name].length > 0 ? ` (${counted.examples[name].join(', ')}, …)` : '');
  must(counted.lost === 0, `lost ${counted.lost}${example('lost')}`);
  must(counted.twice === 0, `stored twice ${counted.twice}${example('twice')}`);
  must(counted.surplus === 0, `stored though nobody logged it ${counted.surplus}${example('surplus')}`);
  must(
    counted.goodInDeadLetters === 0,
    `good records in dead letters ${counted.goodInDeadLetters}${example('goodInDeadLetters')}`,
  );
  must(counted.changed === 0, `stored changed ${counted.changed}${example('changed')}`);
  must(counted.swapped === 0, `order by ts, id is not the order of the calls: ${counted.swapped} swapped`);
  must(counted.stored === counted.accepted, `accepted ${counted.accepted}, stored ${counted.stored}`);
  must(counted.accepted >= least.records, `${counted.accepted} records are less than ${least.records}`);
  must(counted.perSecond >= least.perSecond, `${counted.perSecond} records/s are less than ${least.perSecond}`);
  for (const [name, times] of Object.entries(bites)) {
    must((bite[name] ?? 0) >= times, `the fault did not bite: ${name} ${bite[name]}, expected ${times} or more`);
  }
  return faults;
}

const WIDTHS = [
  ['accepted', 7],
  ['stored', 7],
  ['twice', 3],
  ['surplus', 3],
  ['lost', 3],
];

export function lineOf({ ok, name, seconds, bite, faults, ...counted }) {
  const numbers = WIDTHS.map(([what, width]) => `${what} ${String(counted[what] ?? '?').padStart(width)}`);
  const bites = Object.entries(bite).map(([what, number]) => `${what} ${number}`);
  const line = [
    ok ? 'ok  ' : 'FAIL',
    name.padEnd(22),
    ...numbers,
    `good in dead letters ${counted.goodInDeadLetters ?? '?'}`,
    `${counted.perSecond ?? '?'}/s`.padStart(7),
    `${seconds.toFixed(1)} s`.padStart(7),
    ` ${bites.join(', ')}`,
  ];
  return [line.join('  '), ...faults.map((fault) => `       ${fault}`)].join('\n');
}
