/**
 * Compares Loghive (`ours`) with the baseline (`theirs`) in alternating rounds. The result is the median of the ratios
 * of the rounds: within a round both run under the same conditions.
 */

/**
 * Measures: `of` computes the value from the result of a round. `digits`: decimal places shown; default none. `side`: the
 * name of a peer to compare Loghive with; default: the baseline.
 */
export const RATE = { unit: 'records/s', better: 'more', of: ({ records, seconds }) => records / seconds };
export const CALL = { unit: 'ns/call', better: 'less', of: ({ records, seconds }) => (seconds * 1e9) / records };

/**
 * @param ours runs a round of Loghive and returns `{ records, seconds, lost, doubled }`, and the inputs of other
 *   measures
 * @param theirs the same for the baseline
 * @param peers the same for others, by name
 * @param measure the bench's main measure
 * @param extraMeasures other measures of the same rounds, by name
 * @param warmUps rounds that are run and checked but not counted
 * @param onRound called after each round
 */
export async function compete(options, onRound) {
  const { ours, theirs, peers = {}, measure, extraMeasures = {}, rounds, warmUps = 1 } = options;
  const sides = { ours, theirs, ...peers };
  const counted = [];
  let lost = 0;
  let doubled = 0;
  for (let round = -warmUps; round < rounds; round++) {
    const results = {};
    // What runs first may make the next one faster or slower, so the order alternates.
    const turns = Object.keys(sides);
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) {
      results[turn] = await sides[turn]();
      lost += results[turn].lost;
      doubled += results[turn].doubled;
    }
    if (round >= 0) counted.push(results);
    onRound({ round, ours: measure.of(results.ours), theirs: measure.of(results.theirs) });
  }
  const others = Object.entries(extraMeasures).map(([name, other]) => [name, mediansOf(counted, other)]);
  return {
    ...mediansOf(counted, measure),
    unit: measure.unit,
    rounds,
    lost,
    doubled,
    ...Object.fromEntries(others),
  };
}

/** Whether a ratio meets the goal. */
export function reaches({ better }, goal, ratio) {
  return better === 'more' ? ratio >= goal : ratio <= goal;
}

function mediansOf(rounds, { of, digits = 0, side = 'theirs' }) {
  const medianOf = (value, places) => {
    const found = median(rounds.map((results) => value(of(results.ours), of(results[side]))));
    // The baseline may have no such value; then there is no ratio.
    return Number.isFinite(found) ? Number(found.toFixed(places)) : null;
  };
  return {
    ratio: medianOf((ours, theirs) => ours / theirs, 2),
    ours: medianOf((ours) => ours, digits),
    theirs: medianOf((_, theirs) => theirs, digits),
  };
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
