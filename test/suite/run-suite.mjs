/**
 * Runs the scenarios of a suite with real servers, real processes and injected faults. Every record is accounted for by
 * its ref.
 *
 *   [scenario ...] [--rabbitmq VERSION] [--short] [--json] [--list] [--seed N] [--postgres-bin FOLDER]
 *
 * The broker is the installed RabbitMQ, or with --rabbitmq another version (see test/support/rabbitmq-versions.mjs).
 * Prints one line for each scenario (with --json one object), then the number of processes and files that are left
 * behind; the last line is "N passed, N failed". Exit status 1 if a scenario failed, or something is left.
 */
import { parseArgs } from 'node:util';
import { leftoverFaults, leftoversSentence, watchLeftovers } from '../support/leftovers.mjs';
import { RABBITMQ_VERSIONS } from '../support/rabbitmq-versions.mjs';
import { startServers } from '../support/servers.mjs';
import { seeded } from './random.mjs';
import { faultsOfScenario, lineOf } from './report.mjs';
import { openTestbed } from './testbed.mjs';

const SCENARIO_DEADLINE_MS = 180_000;
/** RabbitMQ 4 accepts messages up to 16 MiB by default; Loghive reads up to 64 MiB. */
const LIMITS = 'max_message_size = 134217728';

const OPTIONS = {
  rabbitmq: { type: 'string' },
  short: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  'postgres-bin': { type: 'string' },
};

/**
 * A scenario is `{ name, title, short?, size?, env?, consumer?, databaseUrl?, startBroker?, deadlineMs?, atLeastOnce?,
 * minEffects, run }`.
 *
 * - `size`: its parameters by name, passed on as `testbed.size` and to `minEffects`. `records`: minimum number of
 *   records that the applications log.
 * - `short`: also run with --short; an object: with these values in `size`.
 * - `env`: environment of the application and the consumers.
 * - `consumer`: options of the consumers run by consume.mjs; with `workers` they use threads.
 * - `databaseUrl({ postgres, database })`: login of the consumers; default: the superuser.
 * - `startBroker({ version, extraConf })`: starts a broker for this scenario only, available as `testbed.rabbitmq`.
 * - `deadlineMs`: time limit for the run, and again for draining the queues. Default 180000.
 * - `atLeastOnce`: its records have no id, so they may be stored more than once. No other record may be.
 * - `minEffects`: minimum number of effects that the injected fault must have had, by name; or a function of `size`
 *   that returns this.
 * - `run(testbed)`: injects the fault. Returns a function that is called after counting and returns the numbers for
 *   `minEffects`, and others of interest.
 *
 * @param suite.scenarios in execution order.
 * @param suite.isChosen `(scenario, { names, short })`: whether the command line selects this scenario.
 * @param suite.options additional command line options, in the format of parseArgs.
 * @param suite.refusal `(flags)`: an error message if the options are incompatible.
 * @param suite.whyNot `(scenario, flags)`: why a scenario cannot be run now; it is reported as left out.
 * @param suite.start `(flags)`: returns the function that starts the servers; default startServers.
 * @param suite.maxConnections max_connections of PostgreSQL.
 * @param suite.least `(size)`: minimum number of records that a scenario must log, in total and per second.
 */
export async function runSuite({
  scenarios,
  isChosen,
  options = {},
  refusal = () => undefined,
  whyNot = () => undefined,
  start = () => startServers,
  maxConnections,
  least,
}) {
  const known = { ...options, ...OPTIONS };
  const { values: flags, positionals: names } = readArguments(known);
  const why = refusal(flags);
  if (why !== undefined) refuse(why);
  if (flags.rabbitmq !== undefined && !RABBITMQ_VERSIONS.includes(flags.rabbitmq)) {
    refuse(`unknown RabbitMQ version ${flags.rabbitmq}. Available: ${RABBITMQ_VERSIONS.join(', ')}`);
  }
  const unknown = names.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    refuse(
      `no such scenario: ${unknown.join(', ')}. Available: ${scenarios.map((scenario) => scenario.name).join(', ')}`,
    );
  }
  const all = scenarios.filter((scenario) => isChosen(scenario, { names, short: flags.short }));
  const leftOut = all.filter((scenario) => whyNot(scenario, flags) !== undefined);
  const chosen = all.filter((scenario) => !leftOut.includes(scenario));
  if (names.length > 0 && leftOut.length > 0) refuse(`${leftOut[0].name} ${whyNot(leftOut[0], flags)}`);
  const print = printerFor(flags);
  const printLeftOut = () => {
    for (const scenario of leftOut) print.leftOut(scenario, whyNot(scenario, flags));
  };
  if (flags.list) {
    for (const { name, title } of chosen) process.stdout.write(`${name.padEnd(22)}  ${title}\n`);
    printLeftOut();
    return;
  }
  const leftovers = watchLeftovers();
  const started = performance.now();
  const servers = await start(flags)(serverOptions(flags, maxConnections));
  const { product = 'RabbitMQ', version } = servers.rabbitmq;
  const broker = `${product} ${version}`;
  const { version: postgres } = servers.postgres;
  print.title(`${broker}, PostgreSQL ${postgres}, Node ${process.version}, --seed ${flags.seed}`);
  printLeftOut();
  let failed = 0;
  try {
    for (const scenario of chosen) {
      await restoreServers(servers);
      const outcome = await play(scenario, servers, { flags, least });
      if (!outcome.ok) failed++;
      print.scenario(outcome);
    }
  } finally {
    await servers.stop();
  }
  const left = await leftovers.count();
  const passed = chosen.length - failed;
  const seconds = Math.round((performance.now() - started) / 1000);
  print.summary({ passed, failed, seconds, broker, postgres, leftOut: leftOut.length, left });
  process.exitCode = failed === 0 && leftoverFaults(left).length === 0 ? 0 : 1;
}

function readArguments(options) {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return refuse(`${error.message.split('. ')[0]}. Available: --${Object.keys(options).join(', --')}`);
  }
}

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}

const brokerOptions = ({ rabbitmq: version }) => (version === undefined ? {} : { version, extraConf: LIMITS });

function serverOptions({ 'postgres-bin': binDir, ...flags }, maxConnections) {
  return {
    rabbitmq: brokerOptions(flags),
    postgres: { settings: { max_connections: maxConnections }, ...(binDir === undefined ? {} : { binDir }) },
  };
}

async function play(scenario, servers, { flags, least }) {
  const { short, deadlineMs = SCENARIO_DEADLINE_MS } = scenario;
  const size = { ...scenario.size, ...(flags.short && typeof short === 'object' ? short : {}) };
  const minEffects = typeof scenario.minEffects === 'function' ? scenario.minEffects(size) : scenario.minEffects;
  const minimum = least(size);
  const started = performance.now();
  const random = seeded(`${flags.seed} ${scenario.name}`);
  const rabbitmq = scenario.startBroker ? await scenario.startBroker(brokerOptions(flags)) : servers.rabbitmq;
  const testbed = await openTestbed(scenario, { ...servers, rabbitmq, random, size, leastRecords: minimum.records });
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  try {
    const countEffects = await within(deadlineMs, scenario.run(testbed));
    const counted = await within(deadlineMs, testbed.settle());
    const effects = await countEffects(counted);
    const { atLeastOnce } = scenario;
    const found = faultsOfScenario({ minEffects, counted, effects, least: minimum, atLeastOnce });
    const faults = [...testbed.faults, ...found];
    return {
      ok: faults.length === 0,
      ...result(scenario, counted, seconds()),
      effects,
      faults,
      tails: testbed.tails(),
    };
  } catch (error) {
    return {
      ok: false,
      name: scenario.name,
      seconds: seconds(),
      effects: {},
      faults: [error.stack],
      tails: testbed.tails(),
    };
  } finally {
    await testbed.close();
    if (scenario.startBroker) await rabbitmq.stop();
  }
}

function result(scenario, counted, seconds) {
  const { accepted, stored, twice, surplus, lost, goodInDeadLetters, deadLetters, perSecond } = counted;
  return {
    name: scenario.name,
    accepted,
    stored,
    twice,
    surplus,
    lost,
    goodInDeadLetters,
    deadLetters,
    perSecond,
    seconds,
  };
}

async function within(ms, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the scenario did not end within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Restarts the servers, so that a scenario that failed during a fault does not fail the following ones. */
async function restoreServers({ rabbitmq, postgres }) {
  if (rabbitmq.pid === undefined) await rabbitmq.start();
  else await rabbitmq.resume();
  if (postgres.pid === undefined) await postgres.start();
}

function printerFor({ json }) {
  const print = (text) => process.stdout.write(`${text}\n`);
  return {
    title: (text) => (json ? process.stderr : process.stdout).write(`${text}\n`),
    leftOut: ({ name }, reason) =>
      print(json ? JSON.stringify({ name, leftOut: reason }) : `--    ${name.padEnd(22)}  ${reason}`),
    scenario({ tails, ...scenario }) {
      print(json ? JSON.stringify(scenario) : lineOf(scenario));
      if (!scenario.ok) process.stderr.write(`${tails.join('\n    --\n')}\n`);
    },
    summary(facts) {
      const { passed, failed, left } = facts;
      for (const fault of leftoverFaults(left)) process.stderr.write(`${fault}\n`);
      print(json ? JSON.stringify(facts) : `${leftoversSentence(left)}\n${passed} passed, ${failed} failed`);
    },
  };
}
