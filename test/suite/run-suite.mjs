/**
 * Runs the rows of a suite: real servers, real processes, faults; every record accounted for by its ref.
 *
 *   [row ...] [--rabbitmq VERSION] [--short] [--json] [--list] [--seed N] [--postgres-bin FOLDER]
 *
 * The broker is the RabbitMQ that is installed, with --rabbitmq another version (see test/support/rabbitmq-versions.mjs).
 * One line a row (with --json one object), the last line is "N passed, N failed"; exit 1 when a row has failed.
 */
import { parseArgs } from 'node:util';
import { RABBITMQ_VERSIONS } from '../support/rabbitmq-versions.mjs';
import { startServers } from '../support/servers.mjs';
import { seeded } from './random.mjs';
import { faultsOfRow, lineOf } from './report.mjs';
import { openStage } from './stage.mjs';

const ROW_DEADLINE_MS = 180_000;
/** RabbitMQ 4 takes only messages up to 16 MiB by itself, and Loghive reads up to 64. */
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
 * A row is `{ name, title, short?, size?, env?, consumer?, databaseUrl?, startBroker?, deadlineMs?, bites, run }`.
 *
 * - `size`: how large it is, by name; `stage.size` and `bites` see it. `records`: how many the applications log at least.
 * - `short`: --short plays it too; an object: in this size.
 * - `env`: environment of the application and the consumers.
 * - `consumer`: options of the consumers that consume.mjs runs; with `workers` they have threads.
 * - `databaseUrl({ postgres, database })`: who the consumers log in as; default the superuser.
 * - `startBroker({ version, extraConf })`: starts a broker of its own, which it sees as `stage.rabbitmq`.
 * - `deadlineMs`: for its run, and once more until everything is counted. Default 180000.
 * - `bites`: how often the fault must have bitten at least, by name; or a function of the size that gives this.
 * - `run(stage)`: plays the fault. Gives a function that is called when everything is counted, for the numbers of
 *   `bites` and others that are worth a look.
 *
 * @param suite.rows in the order in which they run.
 * @param suite.isChosen `(row, { names, short })`: whether the command line means this row.
 * @param suite.options more options of the command line, as parseArgs has them.
 * @param suite.refusal `(flags)`: a sentence where they do not go together.
 * @param suite.whyNot `(row, flags)`: why a row cannot be played now; it is left out by name.
 * @param suite.start `(flags)`: what starts the servers; default startServers.
 * @param suite.maxConnections of PostgreSQL.
 * @param suite.least `(size)`: the records that a row must log, and how many each second.
 */
export async function runSuite({
  rows,
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
    refuse(`there is no RabbitMQ ${flags.rabbitmq} for tests. There are: ${RABBITMQ_VERSIONS.join(', ')}`);
  }
  const unknown = names.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0) {
    refuse(`no such row: ${unknown.join(', ')}. There are: ${rows.map((row) => row.name).join(', ')}`);
  }
  const all = rows.filter((row) => isChosen(row, { names, short: flags.short }));
  const leftOut = all.filter((row) => whyNot(row, flags) !== undefined);
  const chosen = all.filter((row) => !leftOut.includes(row));
  if (names.length > 0 && leftOut.length > 0) refuse(`${leftOut[0].name} ${whyNot(leftOut[0], flags)}`);
  const print = printerFor(flags);
  const printLeftOut = () => {
    for (const row of leftOut) print.leftOut(row, whyNot(row, flags));
  };
  if (flags.list) {
    for (const { name, title } of chosen) process.stdout.write(`${name.padEnd(22)}  ${title}\n`);
    printLeftOut();
    return;
  }
  const started = performance.now();
  const servers = await start(flags)(serverOptions(flags, maxConnections));
  const { product = 'RabbitMQ', version } = servers.rabbitmq;
  const broker = `${product} ${version}`;
  const { version: postgres } = servers.postgres;
  print.title(`${broker}, PostgreSQL ${postgres}, Node ${process.version}, --seed ${flags.seed}`);
  printLeftOut();
  let failed = 0;
  try {
    for (const row of chosen) {
      await mend(servers);
      const outcome = await play(row, servers, { flags, least });
      if (!outcome.ok) failed++;
      print.row(outcome);
    }
  } finally {
    await servers.stop();
  }
  const passed = chosen.length - failed;
  const seconds = Math.round((performance.now() - started) / 1000);
  print.summary({ passed, failed, seconds, broker, postgres, leftOut: leftOut.length });
  process.exitCode = failed === 0 ? 0 : 1;
}

function readArguments(options) {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return refuse(`${error.message.split('. ')[0]}. There are: --${Object.keys(options).join(', --')}`);
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

async function play(row, servers, { flags, least }) {
  const { short, deadlineMs = ROW_DEADLINE_MS } = row;
  const size = { ...row.size, ...(flags.short && typeof short === 'object' ? short : {}) };
  const bites = typeof row.bites === 'function' ? row.bites(size) : row.bites;
  const must = least(size);
  const started = performance.now();
  const random = seeded(`${flags.seed} ${row.name}`);
  const rabbitmq = row.startBroker ? await row.startBroker(brokerOptions(flags)) : servers.rabbitmq;
  const stage = await openStage(row, { ...servers, rabbitmq, random, size, leastRecords: must.records });
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  try {
    const bitten = await within(deadlineMs, row.run(stage));
    const counted = await within(deadlineMs, stage.settle());
    const bite = await bitten(counted);
    const faults = [...stage.faults, ...faultsOfRow({ bites, counted, bite, least: must })];
    return { ok: faults.length === 0, ...result(row, counted, seconds()), bite, faults, tails: stage.tails() };
  } catch (error) {
    return { ok: false, name: row.name, seconds: seconds(), bite: {}, faults: [error.stack], tails: stage.tails() };
  } finally {
    await stage.close();
    if (row.startBroker) await rabbitmq.stop();
  }
}

function result(row, counted, seconds) {
  const { accepted, stored, twice, surplus, lost, goodInDeadLetters, deadLetters, perSecond } = counted;
  return { name: row.name, accepted, stored, twice, surplus, lost, goodInDeadLetters, deadLetters, perSecond, seconds };
}

async function within(ms, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the row did not end within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A row that failed in the middle of a fault must not be the end of the others. */
async function mend({ rabbitmq, postgres }) {
  if (rabbitmq.pid === undefined) await rabbitmq.start();
  else await rabbitmq.resume();
  if (postgres.pid === undefined) await postgres.start();
}

function printerFor({ json }) {
  const say = (text) => process.stdout.write(`${text}\n`);
  return {
    title: (text) => (json ? process.stderr : process.stdout).write(`${text}\n`),
    leftOut: ({ name }, reason) =>
      say(json ? JSON.stringify({ name, leftOut: reason }) : `--    ${name.padEnd(22)}  ${reason}`),
    row({ tails, ...row }) {
      say(json ? JSON.stringify(row) : lineOf(row));
      if (!row.ok) process.stderr.write(`${tails.join('\n    --\n')}\n`);
    },
    summary: (facts) => say(json ? JSON.stringify(facts) : `${facts.passed} passed, ${facts.failed} failed`),
  };
}
