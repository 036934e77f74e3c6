/**
 * The delivery suite: real servers, real processes, faults; every record accounted for by its ref.
 *
 *   node test/delivery/run.mjs [row ...] [--embedded | --rabbitmq VERSION] [--short] [--json] [--list] [--seed N]
 *     [--postgres-bin FOLDER]
 *
 * Names choose rows, --short the short ones; both together add up. The broker is the RabbitMQ that is installed, with
 * --rabbitmq another version (see test/support/rabbitmq-versions.mjs).
 *
 * With --embedded the broker is the development broker, and the rows that it cannot play are left out by name.
 * One line a row (with --json one object), the last line is "N passed, N failed"; exit 1 when a row has failed.
 */
import { parseArgs } from 'node:util';
import { RABBITMQ_VERSIONS } from '../support/rabbitmq-versions.mjs';
import { startEmbeddedServers, startServers } from '../support/servers.mjs';
import { seeded } from './random.mjs';
import { rows, whyNot } from './registry.mjs';
import { faultsOfRow, lineOf } from './report.mjs';
import { openStage } from './stage.mjs';

const ROW_DEADLINE_MS = 180_000;
/** RabbitMQ 4 takes only messages up to 16 MiB by itself, and Loghive reads up to 64. */
const LIMITS = 'max_message_size = 134217728';

const OPTIONS = {
  embedded: { type: 'boolean', default: false },
  rabbitmq: { type: 'string' },
  short: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  'postgres-bin': { type: 'string' },
};
const { values: flags, positionals: names } = readArguments();

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return refuse(`${error.message.split('. ')[0]}. There are: --${Object.keys(OPTIONS).join(', --')}`);
  }
}

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}

function chosenRows() {
  const unknown = names.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0) {
    refuse(`no such row: ${unknown.join(', ')}. There are: ${rows.map((row) => row.name).join(', ')}`);
  }
  return rows.filter((row) => names.includes(row.name) || (flags.short ? row.short : names.length === 0));
}

async function play(row, servers) {
  const started = performance.now();
  const stage = await openStage(row, { ...servers, random: seeded(`${flags.seed} ${row.name}`) });
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  try {
    const bitten = await within(ROW_DEADLINE_MS, row.run(stage));
    const counted = await within(ROW_DEADLINE_MS, stage.settle());
    const bite = await bitten(counted);
    const faults = [...stage.faults, ...faultsOfRow(row, counted, bite)];
    return { ok: faults.length === 0, ...result(row, counted, seconds()), bite, faults, tails: stage.tails() };
  } catch (error) {
    return { ok: false, name: row.name, seconds: seconds(), bite: {}, faults: [error.stack], tails: stage.tails() };
  } finally {
    await stage.close();
  }
}

function result(row, counted, seconds) {
  const { accepted, stored, twice, surplus, lost, goodInDeadLetters, perSecond } = counted;
  return { name: row.name, accepted, stored, twice, surplus, lost, goodInDeadLetters, perSecond, seconds };
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

function print({ tails, ...row }) {
  process.stdout.write(`${flags.json ? JSON.stringify(row) : lineOf(row)}\n`);
  if (!row.ok) process.stderr.write(`${tails.join('\n    --\n')}\n`);
}

function printLeftOut(row) {
  const reason = whyNot(row);
  const line = flags.json
    ? JSON.stringify({ name: row.name, leftOut: reason })
    : `--    ${row.name.padEnd(22)}  ${reason}`;
  process.stdout.write(`${line}\n`);
}

async function main() {
  if (flags.embedded && flags.rabbitmq !== undefined) refuse('--embedded is a broker of its own: leave out --rabbitmq');
  if (flags.rabbitmq !== undefined && !RABBITMQ_VERSIONS.includes(flags.rabbitmq)) {
    refuse(`there is no RabbitMQ ${flags.rabbitmq} for tests. There are: ${RABBITMQ_VERSIONS.join(', ')}`);
  }
  const all = chosenRows();
  const leftOut = all.filter((row) => flags.embedded && whyNot(row) !== undefined);
  const chosen = all.filter((row) => !leftOut.includes(row));
  if (names.length > 0 && leftOut.length > 0) refuse(`${leftOut[0].name} ${whyNot(leftOut[0])}: leave out --embedded`);
  if (flags.list) {
    for (const { name, title } of chosen) process.stdout.write(`${name.padEnd(22)}  ${title}\n`);
    for (const row of leftOut) printLeftOut(row);
    return;
  }
  const started = performance.now();
  const binDir = flags['postgres-bin'];
  const servers = await (flags.embedded ? startEmbeddedServers : startServers)({
    ...(flags.rabbitmq === undefined ? {} : { rabbitmq: { version: flags.rabbitmq, extraConf: LIMITS } }),
    // Few, so that a row can use them up.
    postgres: { settings: { max_connections: 24 }, ...(binDir === undefined ? {} : { binDir }) },
  });
  const { product = 'RabbitMQ', version } = servers.rabbitmq;
  const broker = `${product} ${version}`;
  const { version: postgres } = servers.postgres;
  const told = flags.json ? process.stderr : process.stdout;
  told.write(`${broker}, PostgreSQL ${postgres}, Node ${process.version}, --seed ${flags.seed}\n`);
  for (const row of leftOut) printLeftOut(row);
  let failed = 0;
  try {
    for (const row of chosen) {
      await mend(servers);
      const outcome = await play(row, servers);
      if (!outcome.ok) failed++;
      print(outcome);
    }
  } finally {
    await servers.stop();
  }
  const passed = chosen.length - failed;
  const seconds = Math.round((performance.now() - started) / 1000);
  if (flags.json)
    process.stdout.write(`${JSON.stringify({ passed, failed, seconds, broker, postgres, leftOut: leftOut.length })}\n`);
  else process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
