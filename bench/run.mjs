/**
 * `npm run bench [-- NAME… --json --short --profile FOLDER]`: compares Loghive with code that does the same without it.
 * Exit status 1 if a goal is missed, or a record is lost or duplicated.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { useTemporarySpool } from '../test/support/temporary-spool.mjs';
import { callConsole, callPino, callRedact, callRedactHeaders, callWinston } from './call.mjs';
import { developmentBrokerDrain, developmentBrokerPublish } from './development-broker.mjs';
import { drain, drainByFour, drainByOne, drainByTwo } from './drain.mjs';
import { drainAlerts } from './drain-alerts.mjs';
import { drainSingle } from './drain-single.mjs';
import { endToEnd } from './end-to-end.mjs';
import { openEnvironment } from './environment.mjs';
import { publish, publishWinston } from './publish.mjs';
import { missedGoals, shown, table } from './report.mjs';
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
    const { measure, goal, name } = bench;
    const onRound = ({ round, ours, theirs }) => {
      const which = round < 0 ? 'warm-up' : `round ${round + 1}`;
      note(`${name} ${which}: ${shown(ours, measure)} against ${shown(theirs, measure)}`);
    };
    const result = await bench.run(environment, { short: options.short === true }, onRound);
    const { lost, doubled } = result;
    // A short run only checks that no records are lost; goals apply to the full run.
    const misses = options.short ? [] : missedGoals(bench, result);
    reports.push({ bench, result, misses, passed: misses.length === 0 && lost === 0 && doubled === 0 });
    if (options.json)
      process.stdout.write(`${JSON.stringify({ name, ...result, goal: goal ?? null, missed: misses })}\n`);
  }
  if (!options.json) process.stdout.write(table(reports));
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

/** Writes progress to stderr, because stdout is for results. */
function note(text) {
  process.stderr.write(`${text}\n`);
}

function failed(error) {
  note(`the bench failed: ${error.stack}`);
  return 1;
}
