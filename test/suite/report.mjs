/** Formats one line for each scenario, and its faults. */

/**
 * Returns the faults of a scenario; none if it passed.
 *
 * @param minEffects minimum number of effects that the injected faults check have had, by name.
 * @param effects actual number of effects, by name.
 * @param least minimum { records, perSecond } that check have been logged.
 * @param atLeastOnce records may be stored more than once.
 */
export function faultsOfScenario({ minEffects, counted, effects, least, atLeastOnce = false }) {
  const faults = [];
  const check = (holds, sentence) => {
    if (!holds) faults.push(sentence);
  };
  const example = (name) => (counted.examples[name].length > 0 ? ` (${counted.examples[name].join(', ')}, …)` : '');
  check(counted.lost === 0, `lost ${counted.lost}${example('lost')}`);
  check(atLeastOnce || counted.twice === 0, `stored twice ${counted.twice}${example('twice')}`);
  check(counted.surplus === 0, `stored but never logged ${counted.surplus}${example('surplus')}`);
  check(
    counted.goodInDeadLetters === 0,
    `good records in dead letters ${counted.goodInDeadLetters}${example('goodInDeadLetters')}`,
  );
  check(counted.changed === 0, `stored with changes ${counted.changed}${example('changed')}`);
  check(counted.swapped === 0, `the order by ts, id differs from the order of the calls: ${counted.swapped} swapped`);
  check(counted.stored === counted.accepted, `accepted ${counted.accepted}, stored ${counted.stored}`);
  check(counted.accepted >= least.records, `${counted.accepted} records are less than ${least.records}`);
  check(counted.perSecond >= least.perSecond, `${counted.perSecond} records/s are less than ${least.perSecond}`);
  for (const [name, times] of Object.entries(minEffects)) {
    check(
      (effects[name] ?? 0) >= times,
      `the injected fault had too little effect: ${name} ${effects[name]}, expected ${times} or more`,
    );
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

export function lineOf({ ok, name, seconds, effects, faults, ...counted }) {
  const numbers = WIDTHS.map(([what, width]) => `${what} ${String(counted[what] ?? '?').padStart(width)}`);
  const effectTexts = Object.entries(effects).map(([what, number]) => `${what} ${number}`);
  const line = [
    ok ? 'ok  ' : 'FAIL',
    name.padEnd(22),
    ...numbers,
    `good in dead letters ${counted.goodInDeadLetters ?? '?'}`,
    `${counted.perSecond ?? '?'}/s`.padStart(7),
    `${seconds.toFixed(1)} s`.padStart(7),
    ` ${effectTexts.join(', ')}`,
  ];
  return [line.join('  '), ...faults.map((fault) => `       ${fault}`)].join('\n');
}
