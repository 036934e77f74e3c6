/** Two sides, in turn, round after round. What counts is the ratio within a round: the machine is the same for both. */

/** What is compared: made of what a round gives. `digits` behind the point are shown; default none. */
export const RATE = { unit: 'records/s', better: 'more', of: ({ records, seconds }) => records / seconds };
export const CALL = { unit: 'ns/call', better: 'less', of: ({ records, seconds }) => (seconds * 1e9) / records };

/**
 * @param ours does a round and gives `{ records, seconds, lost, doubled }`, and what the measures need besides
 * @param theirs the same
 * @param measure what the bench is about
 * @param beside other measures of the same rounds, by name
 * @param warmUps rounds that are done and checked but not counted
 * @param told called after each round
 */
export async function compete({ ours, theirs, measure, beside = {}, rounds, warmUps = 1 }, told) {
  const counted = [];
  let lost = 0;
  let doubled = 0;
  for (let round = -warmUps; round < rounds; round++) {
    const results = {};
    // Who comes second may profit from what the first one left behind, or suffer from it.
    const turns = round % 2 === 0 ? ['ours', 'theirs'] : ['theirs', 'ours'];
    for (const side of turns) {
      results[side] = await (side === 'ours' ? ours : theirs)();
      lost += results[side].lost;
      doubled += results[side].doubled;
    }
    if (round >= 0) counted.push(results);
    told({ round, ours: measure.of(results.ours), theirs: measure.of(results.theirs) });
  }
  const others = Object.entries(beside).map(([name, other]) => [name, middleOf(counted, other)]);
  return {
    ...middleOf(counted, measure),
    unit: measure.unit,
    rounds,
    lost,
    doubled,
    ...Object.fromEntries(others),
  };
}

/** Whether a ratio is good enough. */
export function reaches({ better }, goal, ratio) {
  return better === 'more' ? ratio >= goal : ratio <= goal;
}

function middleOf(rounds, { of, digits = 0 }) {
  const middle = (value, places) => {
    const found = median(rounds.map(({ ours, theirs }) => value(of(ours), of(theirs))));
    // The other side may do without: then there is no ratio.
    return Number.isFinite(found) ? Number(found.toFixed(places)) : null;
  };
  return {
    ratio: middle((ours, theirs) => ours / theirs, 2),
    ours: middle((ours) => ours, digits),
    theirs: middle((_, theirs) => theirs, digits),
  };
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
