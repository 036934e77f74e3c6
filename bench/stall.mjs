/**
 * `stall`: what logging costs an application that logs at a steady rate, as delays of its event loop and as durations of
 * its logging calls, while its broker is available, and in each state in which it is not or not completely; for frames,
 * and for one record a message, as Python consumers need it.
 */
import { median } from './compare.mjs';
import { runApplication } from './stalling-application.mjs';

const TYPES = ['quorum', 'python'];
const GOAL = 1.2;
/** The states of the bench's own goal first. */
const GOALS = { flapping: GOAL, throttled: GOAL, hanging: GOAL, 'spool filling': GOAL, reconnecting: 1.5 };
const WITH_GOAL = Object.keys(GOALS).filter((state) => GOALS[state] === GOAL);
const FAULTS = [...Object.keys(GOALS), 'spool emptying', 'cut off', 'refusing'];
const FULL = { rounds: 5, stateMs: 3000 };
const SHORT = { rounds: 1, stateMs: 1000 };

const MICROS = { unit: 'µs', better: 'less' };
/** Limit of the p99.9 of a call, in microseconds. */
const LONGEST_CALL = 25_000;

/** Each row compares a state with another one. `quantile`: of the results that it shows. */
const loopRow = (type, state, measure) => ({
  label: `${type}, ${state}`,
  type,
  state,
  of: 'loop',
  quantile: 'p99',
  measure: { ...MICROS, theirName: 'healthy', ...measure },
});
const callRow = (type, state) => ({
  label: `${type}, ${state}: p99.9 of a call`,
  type,
  state,
  of: 'call',
  quantile: 'p999',
  measure: { ...MICROS, theirName: 'no transport', limit: LONGEST_CALL },
});
const rows = TYPES.flatMap((type) => [
  loopRow(type, 'healthy', { theirName: 'no transport' }),
  ...FAULTS.map((state) => loopRow(type, state, { goal: GOALS[state] })),
  ...['healthy', ...FAULTS].map((state) => callRow(type, state)),
]);

export const stall = {
  name: 'stall',
  goal: GOAL,
  measure: MICROS,
  theirName: 'healthy',
  extraMeasures: Object.fromEntries(rows.map(({ label, measure }) => [label, measure])),
  async run(environment, { short }, onRound) {
    const sizes = short ? SHORT : FULL;
    const rounds = [];
    let lost = 0;
    for (let round = 0; round < sizes.rounds; round++) {
      const byType = {};
      for (const type of TYPES) {
        const run = await runApplication(environment, type, sizes);
        byType[type] = run.results;
        lost += run.lost;
      }
      rounds.push(byType);
      onRound({ round, ...worst([byType]) });
    }
    const extraMeasures = Object.fromEntries(rows.map((row) => [row.label, figures(rounds, row)]));
    const { ratio, ours, theirs } = worst(rounds);
    return { ratio, ours, theirs, unit: MICROS.unit, rounds: sizes.rounds, lost, doubled: 0, ...extraMeasures };
  },
};

/** The figures of the worst row with the bench's goal. */
function worst(rounds) {
  return rows
    .filter(({ of, state }) => of === 'loop' && WITH_GOAL.includes(state))
    .map((row) => figures(rounds, row))
    .reduce((a, b) => (b.ratio > a.ratio ? b : a));
}

/** Medians over the rounds, and the longest of all rounds. */
function figures(rounds, { type, state, of, quantile, measure: { theirName } }) {
  const [ours, theirs] = [state, theirName].map((name) => rounds.map((round) => round[type][name][of]));
  const middle = (side, name) => Math.round(median(side.map((each) => each[name])));
  const longest = (side) => Math.round(Math.max(...side.map(({ max }) => max)));
  return {
    ratio: Number(median(ours.map((each, round) => each[quantile] / theirs[round][quantile])).toFixed(2)),
    ours: middle(ours, quantile),
    theirs: middle(theirs, quantile),
    p50: [ours, theirs].map((side) => middle(side, 'p50')),
    max: [ours, theirs].map(longest),
  };
}
