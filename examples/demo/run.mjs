/**
 * The demo: a web shop and its till log through a broker into PostgreSQL while the consumer is killed and the broker
 * closes all connections. With `--real` the broker is a RabbitMQ, which is killed and restarted. A new version of the
 * till has a bug, which three commands find. Then every record is checked by its id.
 * `npm run demo [-- --real --json]`; exit status 1 if the audit fails.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { useTemporarySpool } from '../../test/support/temporary-spool.mjs';
import { eventually } from '../../test/support/wait.mjs';
import { balance, isBalanced, lastErrors, receiptsIn, rowsNow } from './audit.mjs';
import * as embedded from './embedded.mjs';
import { openEnvironment } from './environment.mjs';
import { investigate } from './investigation.mjs';
import * as real from './real.mjs';
import { openScreen } from './screen.mjs';
import { quantile, startVisitors } from './visitors.mjs';

useTemporarySpool();

/** Time limit for the last records to get from the broker to the table. */
const AUDIT_TIMEOUT_MS = 30_000;

const json = process.argv.includes('--json');
const servers = process.argv.includes('--real') ? real : embedded;
const screen = openScreen(json ? process.stderr : process.stdout);
/** Stops the status lines. */
const finished = new AbortController();
let environment;

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
const interrupted = new Promise((resolve) => {
  for (const signal of Object.keys(SIGNALS)) process.once(signal, () => resolve(signal));
});

const exitCode = await Promise.race([
  runDemo().then(judge, (error) => {
    screen.bad(`the demo failed: ${error.stack}`);
    return 1;
  }),
  interrupted.then((signal) => {
    finished.abort();
    screen.bad(`${signal}: stopping everything`);
    return SIGNALS[signal];
  }),
]);
await environment?.clear();
process.exit(exitCode);

function judge(result) {
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  if (isBalanced(result)) return 0;
  screen.text(environment.lastOutput());
  return 1;
}

async function runDemo() {
  screen.title('A web shop and its till log through a broker into PostgreSQL, and things break');
  screen.blank();
  screen.step(servers.description);
  environment = await openEnvironment(servers);
  const { listQueues, fault, names } = environment.servers;
  screen.good(names);
  let consumer = await environment.startConsumer();
  screen.good(`loghive consume shop till (process ${consumer.pid}) has created queues and tables and is consuming`);
  const { till, url: tillUrl } = await environment.openTill('2.0.0');
  screen.good(`the till (process ${till.pid}) is open on ${tillUrl}: node:http and an ordinary Pino logger`);
  const { shop, url } = await environment.openShop(tillUrl);
  screen.good(`the shop (process ${shop.pid}) is open on ${url}: node:http and an ordinary Winston logger`);

  const visitors = startVisitors(url);
  const { answers } = visitors;
  void watch(answers, finished.signal);
  await visitors.more(120);

  const unacked = await eventually(async () => (await listQueues()).reduce((sum, queue) => sum + queue.unacked, 0), {
    everyMs: 1,
    what: 'the consumer has an unacknowledged message',
  });
  await consumer.kill('SIGKILL');
  screen.bad(
    `consumer ${consumer.pid} killed with SIGKILL, ${unacked} messages unacknowledged; the shop keeps running`,
  );
  await visitors.more(80);
  consumer = await environment.startConsumer();
  screen.good(`another consumer (process ${consumer.pid}) takes over`);
  await visitors.more(100);

  screen.bad(await fault.inject());
  await visitors.more(60);
  screen.good(await fault.recover());
  await visitors.more(100);

  const deployed = new Date().toISOString();
  await close('till', till);
  const { till: newTill } = await environment.openTill('2.1.0', new URL(tillUrl).port);
  screen.good(`version 2.1.0 of the till is deployed (process ${newTill.pid}); it has a bug`);
  await visitors.more(150);

  await visitors.stop();
  await close('shop', shop);
  await close('till', newTill);
  screen.good('shop and till have closed (SIGTERM): the broker has confirmed everything they logged');
  const counts = await finalAudit();
  finished.abort();
  return report(counts, answers, await investigate(environment.loghive, deployed));
}

async function close(name, child) {
  child.kill('SIGTERM').catch(() => {});
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`the ${name} exited with ${code}\n${environment.lastOutput()}`);
}

/** Prints one status line a second, without using any of Loghive's counters. */
async function watch(answers, signal) {
  for (;;) {
    await pause(1000, undefined, { signal }).catch(() => {});
    const rows = await rowsNow(environment.query).catch(() => '?');
    const queued = await messagesQueued().catch(() => 'unreachable');
    if (signal.aborted) return;
    const logged = receiptsIn(environment.receipts).length;
    screen.numbers({ requests: answers.count, logged, 'in the table': rows, 'messages in the broker': queued });
  }
}

async function messagesQueued() {
  const queues = await environment.servers.listQueues();
  return queues.reduce((sum, { messages }) => sum + messages, 0);
}

/** Repeats the audit until it passes or the time is over. */
async function finalAudit() {
  const deadlineMs = performance.now() + AUDIT_TIMEOUT_MS;
  for (;;) {
    const counts = await balance(environment.query, environment.receipts);
    if (isBalanced(counts) || performance.now() > deadlineMs) return counts;
    await pause(100);
  }
}

async function report(counts, answers, steps) {
  const { accepted, stored, duplicated, lost, unknown } = counts;
  const [medianMs, slowMs] = [0.5, 0.99].map((share) => Math.round(quantile(answers.tookMs, share)));
  screen.title('Every record, checked by its id');
  screen.table([{ accepted, stored, duplicated, lost }]);
  screen.blank();
  screen.text('  accepted: written by shop and till to a file of their own after each logging call. The others: SQL.');
  if (unknown > 0) screen.text(`  ${unknown} rows in the table were not logged by shop or till!`);
  screen.text(
    `  ${answers.count} HTTP requests, ${answers.failed} without an answer; median ${medianMs} ms, 99 % within ${slowMs} ms.`,
  );
  screen.title('Which errors are new since the deployment, and what did the first request that failed do?');
  for (const { command, lines } of steps) screen.text(['', `$ ${command}`, ...lines].join('\n'));
  screen.title('A query by SQL: the last errors of the shop');
  screen.table(await lastErrors(environment.query));
  screen.blank();
  if (isBalanced(counts)) screen.good('nothing lost, nothing stored twice');
  else screen.bad('the audit failed');
  return {
    ...counts,
    requests: answers.count,
    unanswered: answers.failed,
    medianMs,
    p99Ms: slowMs,
    broker: environment.servers.broker,
    consumerKills: 1,
    ...environment.servers.fault.counts,
    seconds: Number(screen.seconds().toFixed(1)),
  };
}
