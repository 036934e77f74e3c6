/**
 * `npm run bench [-- NAME… --json --short --profile FOLDER]`: compares Loghive with code that does the same without it.
 * Exit status 1 if a goal is missed, or a record is lost or duplicated.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { useTemporarySpool } from '../test/support/temporary-spool.mjs';
import { callConsole, callPino, callRedact, callRedactHeaders, callWinston } from './call.mjs';
import { reaches } from './compare.mjs';
import { developmentBrokerDrain, developmentBrokerPublish } from './development-broker.mjs';
import { drain, drainByFour, drainByOne, drainByTwo } from './drain.mjs';
import { drainAlerts } from './drain-alerts.mjs';
import { drainSingle } from './drain-single.mjs';
import { endToEnd } from './end-to-end.mjs';
import { openEnvironment } from './environment.mjs';
import { publish, publishWinston } from './publish.mjs';
import { search } from './search.mjs';
import { stall } from './stall.mjs';

useTemporarySpool();

const BENCHES = [
  publish,
  publishWinston,
  drain,
  drainByOne,
  drainByTwo,
  drainByFour,
  drainSingle,
  drainAlerts,
  endToEnd,
  search,
  callWinston,
  callPino,
  callConsole,
  stall,
  callRedact,
  callRedactHeaders,
  developmentBrokerPublish,
  developmentBrokerDrain,
];

const { values: options, positionals: names } = readArguments();
const chosen = names.length === 0 ? BENCHES : BENCHES.filter(({ name }) => names.includes(name));
const unknown = names.filter((name) => !BENCHES.some((bench) => bench.name === name));
if (unknown.length > 0) {
  const known = BENCHES.map(({ name }) => name).join(', ');
  usageError(`unknown bench "${unknown.join('", "')}". Available: ${known}`);
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
const interrupted = new Promise((resolve) => {
  for (const [signal, code] of Object.entries(SIGNALS)) process.once(signal, () => resolve(code));
});
let environment;
const exitCode = await Promise.race([runAll().catch(failed), interrupted]);
await environment?.clear();
process.exit(exitCode);

async function runAll() {
  note('starting a private RabbitMQ and a private PostgreSQL');
  environment = await openEnvironment(options.profile && path.resolve(options.profile));
  const reports = [];
  for (const bench of chosen) {
    const { measure, goal } = bench;
    const onRound = ({ round, ours, theirs }) => {
      const which = round < 0 ? 'warm-up' : `round ${round + 1}`;
      note(`${bench.name} ${which}: ${shown(ours, measure)} against ${shown(theirs, measure)}`);
    };
    const result = await bench.run(environment, { short: options.short === true }, onRound);
    const { lost, doubled } = result;
    // A short run only checks that no records are lost; goals apply to the full run.
    const reached = options.short || goal === undefined || reaches(measure, goal, result.ratio);
    reports.push({ bench, result, passed: reached && lost === 0 && doubled === 0 });
    if (options.json) process.stdout.write(`${JSON.stringify({ name: bench.name, ...result, goal: goal ?? null })}\n`);
  }
  if (!options.json) table(reports);
  return reports.every(({ passed }) => passed) ? 0 : 1;
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean' }, short: { type: 'boolean' }, profile: { type: 'string' } },
    });
  } catch (error) {
    return usageError(error.message);
  }
}

function usageError(reason) {
  process.stderr.write(`${reason}\n`);
  process.exit(2);
}

function table(reports) {
  const rows = reports.flatMap(({ bench, result, passed }) => {
    const { name, theirName, goal, measure, extraMeasures = {} } = bench;
    const figures = (label, { ours, theirs, ratio, p50, max }, which) => {
      const against = `${theirName} ${shown(theirs, which)}`;
      const spread = p50 ? ` (p50 ${p50.join(' against ')}, max ${max.join(' against ')})` : '';
      return [label, shown(ours, which), against, String(ratio ?? ''), `${which.better} is better${spread}`];
    };
    const sign = measure.better === 'more' ? '≥' : '≤';
    const judged = [goal === undefined ? '' : `${sign} ${goal}`, String(result.lost), String(result.doubled)];
    const others = Object.entries(extraMeasures).map(([other, its]) => figures(`  ${other}`, result[other], its));
    return [[...figures(name, result, measure), ...judged, passed ? 'passed' : 'FAILED'], ...others];
  });
  const all = [['bench', 'loghive', 'against', 'ratio', '', 'goal', 'lost', 'doubled', ''], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  process.stdout.write(`\n${lines.join('\n')}\n\nratios are medians over alternating rounds\n`);
}

function shown(value, { unit, digits = 0 }) {
  if (value === null) return `? ${unit}`;
  return `${value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}

/** Writes progress to stderr, because stdout is for results. */
function note(text) {
  process.stderr.write(`${text}\n`);
}

function failed(error) {
  note(`the bench failed: ${error.stack}`);
  return 1;
}
