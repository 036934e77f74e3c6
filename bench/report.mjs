/** Judges the results of the benches, and shows them as a table. Pure. */
import { reaches } from './compare.mjs';

/**
 * The measures of a bench whose goal is missed, by name. A measure has a `goal`, the ratio that is to be reached, or a
 * `limit`, which Loghive's own figure must not exceed; or neither.
 */
export function missedGoals({ name, measure, goal, extraMeasures = {} }, result) {
  const misses = ([label, its, figures]) => {
    if (its.goal !== undefined && !reaches(its, its.goal, figures.ratio)) return [label];
    return its.limit !== undefined && !reaches(its, its.limit, figures.ours) ? [label] : [];
  };
  const others = Object.entries(extraMeasures).map(([label, its]) => [label, its, result[label]]);
  return [[name, { ...measure, goal }, result], ...others].flatMap(misses);
}

/** @param reports for each bench: its result, the names of missed goals, and whether it passed */
export function table(reports) {
  const all = [['bench', 'loghive', 'against', 'ratio', '', 'goal', 'lost', 'doubled', ''], ...reports.flatMap(rowsOf)];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  return `\n${lines.join('\n')}\n\nratios are medians over alternating rounds\n`;
}

function rowsOf({ bench, result, misses, passed }) {
  const { name, theirName, goal, measure, extraMeasures = {} } = bench;
  const main = figures(name, result, { theirName, ...measure, goal });
  const others = Object.entries(extraMeasures).map(([other, its]) => [
    ...figures(`  ${other}`, result[other], { theirName, ...its }),
    ...['', '', misses.includes(other) ? 'FAILED' : ''],
  ]);
  return [[...main, String(result.lost), String(result.doubled), passed ? 'passed' : 'FAILED'], ...others];
}

function figures(label, { ours, theirs, ratio, p50, max }, measure) {
  const against = `${measure.theirName} ${shown(theirs, measure)}`;
  const spread = p50 ? ` (p50 ${p50.join(' against ')}, max ${max.join(' against ')})` : '';
  const better = `${measure.better} is better${spread}`;
  return [label, shown(ours, measure), against, String(ratio ?? ''), better, shownGoal(measure)];
}

function shownGoal(measure) {
  const sign = measure.better === 'more' ? '≥' : '≤';
  if (measure.limit !== undefined) return `${sign} ${shown(measure.limit, measure)}`;
  return measure.goal === undefined ? '' : `${sign} ${measure.goal}`;
}

/** A value with its unit. */
export function shown(value, { unit, digits = 0 }) {
  if (value === null) return `? ${unit}`;
  return `${value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}
