/** Two sides, in turn, round after round. What counts is the ratio within a round: the machine is the same for both. */

/**
 * @param sides each does a round and gives `{ records, seconds, lost, doubled }`
 * @param warmUps rounds that are done and checked but not counted
 * @param told called after each round
 */
export async function compete({ ours, theirs, rounds, warmUps = 1 }, told) {
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
    const rates = { ours: rateOf(results.ours), theirs: rateOf(results.theirs) };
    if (round >= 0) counted.push({ ...rates, ratio: rates.ours / rates.theirs });
    told({ round, ...rates });
  }
  const middle = (name) => median(counted.map((each) => each[name]));
  return {
    ratio: Number(middle('ratio').toFixed(2)),
    ours: Math.round(middle('ours')),
    theirs: Math.round(middle('theirs')),
    rounds,
    lost,
    doubled,
  };
}

function rateOf({ records, seconds }) {
  return records / seconds;
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
