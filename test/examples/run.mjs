/**
 * Runs each example of examples/ as a user does: installed with the packed file, in its own process, with real
 * requests, ended by the signal that a platform sends. Then every request must be in the table by its id.
 *
 *   node test/examples/run.mjs [NAME…] [--json]
 *
 * Prints one line for each example (with --json one object); the last line is "N passed, N failed". Exit status 1 if
 * one failed.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installPackage } from '../projects/installation.mjs';
import { startChild } from '../support/child.mjs';
import { startProxy } from '../support/proxy.mjs';
import { startServers } from '../support/servers.mjs';
import { useTemporarySpool } from '../support/temporary-spool.mjs';
import { eventually, sleep } from '../support/wait.mjs';
import { FRAMEWORKS, prepareExample, startServer } from './examples.mjs';
import { RUNTIME, startLambda } from './lambda-runtime.mjs';

useTemporarySpool();

const ORDERS = Array.from({ length: 40 }, (_, order) => ({ id: `order-request-${order}.`, order: String(order) }));
const BROKEN = Array.from({ length: 5 }, (_, number) => ({ id: `broken-request-${number}.` }));
/** Longer than exitTimeoutMs. */
const OUTAGE_MS = 6000;
const FAULT = 'the warehouse does not answer';

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});

/** Sends all requests at once, and the signal as soon as they are answered, while the last records are in flight. */
async function serve({ name, ends, env = {} }, { installation, url }) {
  const example = await prepareExample(name, installation);
  const server = await startServer(example, { ...env, LOGHIVE_SERVICE: name, LOGHIVE_URL: url });
  try {
    const request = async (where, id) =>
      (await fetch(`${server.url}${where}`, { headers: { 'x-request-id': id } })).status;
    const answers = await Promise.all([
      ...ORDERS.map(({ id, order }) => request(`/orders/${order}`, id)),
      ...BROKEN.map(({ id }) => request('/broken', id)),
    ]);
    const wrong = answers.filter((status, at) => status !== (at < ORDERS.length ? 200 : 500));
    const ended = await server.child.kill('SIGTERM');
    const faults = [];
    if (wrong.length > 0) faults.push(`answers that were not expected: ${wrong}`);
    if (ended.code !== ends.code || ended.signal !== ends.signal) {
      faults.push(`it ended with ${ended.signal ?? ended.code}, not ${ends.signal ?? ends.code}`);
    }
    const ownLines = server.child.stderr.filter((line) => line.startsWith('[loghive]'));
    return [...faults, ...ownLines];
  } finally {
    await server.child.kill();
  }
}

/**
 * Runs in AWS's own runtime, frozen after each answer, as on Lambda, and killed while frozen: records that are not
 * confirmed by then are lost. During one request the broker is unreachable for longer than the end of a script waits.
 */
async function invoke({ installation, url }) {
  const { folder } = await prepareExample('lambda', installation, [RUNTIME]);
  const { hostname: host, port } = new URL(url);
  const proxy = await startProxy({ target: { host, port: Number(port) } });
  const { child, invoke: call } = await startLambda(folder, { LOGHIVE_SERVICE: 'lambda', LOGHIVE_URL: proxy.url(url) });
  const faults = [];
  const outage = {
    withinMs: 60_000,
    async meanwhile() {
      await child.waitForLine(/Loghive (reconnects|tries again)/);
      await sleep(OUTAGE_MS);
      await proxy.heal();
    },
  };
  try {
    for (const [number, { id, order }] of [...ORDERS, ...BROKEN].entries()) {
      const isOutage = number === ORDERS.length - 1;
      if (isOutage) {
        await proxy.refuse();
        await proxy.reset();
      }
      const answer = await call({ order }, id, isOutage ? outage : {});
      const isRight =
        order === undefined
          ? answer.kind === 'error' && answer.body.errorMessage === FAULT
          : answer.kind === 'done' && answer.body?.order === order;
      if (!isRight || answer.id !== id) faults.push(`${id} was answered ${JSON.stringify(answer)}`);
    }
  } finally {
    await child.kill('SIGKILL');
    await proxy.stop();
  }
  const errors = child.stderr.filter((line) => /\[loghive\].*(ERROR|records dropped)/.test(line));
  return [...faults, ...errors];
}

/** Describes the requests that are not in the table exactly once. */
async function checkRecords(service, query) {
  const rows = await query('SELECT level::text, message, information FROM logs.records WHERE service = $1', [service]);
  const texts = rows.map((row) => ({ ...row, text: JSON.stringify(row) }));
  const faults = [];
  for (const { id, order } of ORDERS) {
    const found = texts.filter(({ text, message }) => message.startsWith('order looked up') && text.includes(id));
    if (found.length !== 1) faults.push(`request ${id} has ${found.length} records "order looked up"`);
    else if (!found[0].text.includes(`"order":"${order}"`)) faults.push(`request ${id}: ${found[0].text}`);
  }
  for (const { id } of BROKEN) {
    const found = texts.filter(({ text, level }) => level === 'ERROR' && text.includes(id) && text.includes(FAULT));
    if (found.length !== 1) faults.push(`request ${id} has ${found.length} records of its error`);
    else if (!/\bstack\b.*\bat /.test(found[0].text)) faults.push(`request ${id} has no stack: ${found[0].text}`);
  }
  return { rows: rows.length, faults };
}

const counts = { passed: 0, failed: 0 };

function report(name, facts, faults) {
  const ok = faults.length === 0;
  counts[ok ? 'passed' : 'failed']++;
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ ok, name, ...facts, faults })}\n`);
    return;
  }
  const numbers = Object.entries(facts).map(([what, number]) => `${what} ${number}`);
  const line = [ok ? 'ok  ' : 'FAIL', name.padEnd(24), numbers.join(', ')].join('  ');
  process.stdout.write(`${[line.trimEnd(), ...faults.slice(0, 8).map((fault) => `       ${fault}`)].join('\n')}\n`);
}

async function tryExample(name, run, query) {
  const begun = performance.now();
  const facts = { requests: ORDERS.length + BROKEN.length };
  let faults;
  try {
    faults = await run();
    const check = () => checkRecords(name, query);
    await eventually(async () => (await check()).faults.length === 0, { withinMs: 15_000 }).catch(() => {});
    const { rows, faults: missing } = await check();
    facts.rows = rows;
    faults.push(...missing);
  } catch (error) {
    faults = [error.message];
  }
  report(name, { ...facts, seconds: Number(((performance.now() - begun) / 1000).toFixed(1)) }, faults);
}

async function main() {
  const all = new Map(FRAMEWORKS.map((each) => [each.name, (place) => serve(each, place)]));
  all.set('lambda', invoke);
  const unknown = names.filter((name) => !all.has(name));
  if (unknown.length > 0) throw new Error(`there is no example ${unknown}; there are ${[...all.keys()].join(', ')}`);
  const chosen = [...all.keys()].filter((name) => names.length === 0 || names.includes(name));
  const installation = await installPackage();
  let servers;
  let consumer;
  try {
    servers = await startServers();
    const database = 'examples';
    consumer = startChild(path.join(installation.app, 'node_modules', '.bin', 'loghive'), {
      args: ['consume'],
      env: {
        LOGHIVE_URL: servers.rabbitmq.url,
        LOGHIVE_DATABASE_URL: await servers.postgres.createDatabase(database),
      },
      cwd: installation.app,
    });
    await consumer.waitForLine(/connected to RabbitMQ/, 30_000);
    const place = { installation, url: servers.rabbitmq.url };
    const query = (sql, params) => servers.postgres.query(sql, params, database);
    for (const name of chosen) await tryExample(name, () => all.get(name)(place), query);
    const { code } = await consumer.kill('SIGTERM');
    report('loghive consume ends', {}, code === 0 ? [] : consumer.lines.slice(-8));
  } finally {
    await consumer?.kill();
    await servers?.stop();
    await installation.remove();
  }
  process.stdout.write(`${flags.json ? JSON.stringify(counts) : `${counts.passed} passed, ${counts.failed} failed`}\n`);
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

await main();
