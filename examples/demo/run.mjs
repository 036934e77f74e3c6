/**
 * The demo: a web shop logs through a broker into PostgreSQL while its consumer is killed and the broker closes all
 * connections. With `--real` the broker is a RabbitMQ, which is killed and restarted. Then every record is checked by
 * its id. `npm run demo [-- --real --json]`; exit status 1 if the audit fails.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { useTemporarySpool } from '../../test/support/temporary-spool.mjs';
import { eventually } from '../../test/support/wait.mjs';
import { balance, isBalanced, lastErrors, receiptsIn, requestOfLastError, rowsNow } from './audit.mjs';
import * as embedded from './embedded.mjs';
import { openEnvironment } from './environment.mjs';
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
  screen.title('A web shop logs through a broker into PostgreSQL, and things break');
  screen.blank();
  screen.step(servers.description);
  environment = await openEnvironment(servers);
  const { listQueues, fault, names } = environment.servers;
  screen.good(names);
  let consumer = await environment.startConsumer();
  screen.good(`loghive consume shop (process ${consumer.pid}) has created queues and tables and is consuming`);
  const { shop, url } = await environment.openShop();
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
  await visitors.more(200);

  await visitors.stop();
  shop.kill('SIGTERM').catch(() => {});
  const { code } = await shop.exited;
  if (code !== 0) throw new Error(`the shop exited with ${code}\n${environment.lastOutput()}`);
  screen.good('the shop has closed (SIGTERM): the broker has confirmed everything it logged');
  const counts = await finalAudit();
  finished.abort();
  return report(counts, answers);
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

async function report(counts, answers) {
  const { accepted, stored, duplicated, lost, unknown } = counts;
  const [medianMs, slowMs] = [0.5, 0.99].map((share) => Math.round(quantile(answers.tookMs, share)));
  screen.title('Every record, checked by its id');
  screen.table([{ accepted, stored, duplicated, lost }]);
  screen.blank();
  screen.text('  accepted: written by the shop to a file of its own after each logging call. The others: SQL.');
  if (unknown > 0) screen.text(`  ${unknown} rows in the table were not logged by the shop!`);
  screen.text(
    `  ${answers.count} HTTP requests, ${answers.failed} without an answer; median ${medianMs} ms, 99 % within ${slowMs} ms.`,
  );
  screen.title('Queries by SQL: the last errors, and everything that one request logged');
  screen.table(await lastErrors(environment.query));
  screen.table(await requestOfLastError(environment.query));
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
