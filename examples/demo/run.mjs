/**
 * The demo: a web shop logs through a broker into PostgreSQL while its consumer is killed and the broker hangs up on
 * everybody; with `--real` the broker is a RabbitMQ, which is killed and restarted. Then every record is looked for by its
 * id. `npm run demo [-- --real --json]`; exit code 1 if the audit fails.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../test/support/wait.mjs';
import { adds, balance, lastErrors, receiptsIn, rowsNow, storyOfTheLastError } from './audit.mjs';
import * as embedded from './embedded.mjs';
import * as real from './real.mjs';
import { openScreen } from './screen.mjs';
import { buildStage } from './stage.mjs';
import { letVisitorsIn, quantile } from './visitors.mjs';

/** How long the last records may take from the broker to the table. */
const SETTLE_MS = 30_000;

const json = process.argv.includes('--json');
const maker = process.argv.includes('--real') ? real : embedded;
const screen = openScreen(json ? process.stderr : process.stdout);
/** Ends the lines of numbers. */
const over = new AbortController();
let stage;

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
const interrupted = new Promise((resolve) => {
  for (const signal of Object.keys(SIGNALS)) process.once(signal, () => resolve(signal));
});

const exitCode = await Promise.race([
  play().then(judge, (error) => {
    screen.bad(`the demo could not be finished: ${error.stack}`);
    return 1;
  }),
  interrupted.then((signal) => {
    over.abort();
    screen.bad(`${signal}: stopping everything`);
    return SIGNALS[signal];
  }),
]);
await stage?.clear();
process.exit(exitCode);

function judge(result) {
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  if (adds(result)) return 0;
  screen.text(stage.lastWords());
  return 1;
}

async function play() {
  screen.title('A web shop logs through a broker into PostgreSQL, and things break');
  screen.blank();
  screen.step(maker.intention);
  stage = await buildStage(maker);
  const { listQueues, fault, names } = stage.servers;
  screen.good(names);
  let consumer = await stage.startConsumer();
  screen.good(`loghive consume shop (process ${consumer.pid}) has made queues and tables and takes messages`);
  const { shop, url } = await stage.openShop();
  screen.good(`the shop (process ${shop.pid}) is open on ${url}: node:http and an ordinary Winston logger`);

  const visitors = letVisitorsIn(url);
  const { answers } = visitors;
  void watch(answers, over.signal);
  await visitors.more(120);

  const inHand = await eventually(async () => (await listQueues()).reduce((sum, { unacked }) => sum + unacked, 0), {
    everyMs: 1,
    what: 'a message in the hands of the consumer',
  });
  await consumer.kill('SIGKILL');
  screen.bad(`consumer ${consumer.pid} killed with SIGKILL, ${inHand} messages in its hands; the shop goes on`);
  await visitors.more(80);
  consumer = await stage.startConsumer();
  screen.good(`another consumer (process ${consumer.pid}) takes over`);
  await visitors.more(100);

  screen.bad(await fault.strike());
  await visitors.more(60);
  screen.good(await fault.mend());
  await visitors.more(200);

  await visitors.leave();
  shop.kill('SIGTERM').catch(() => {});
  const { code } = await shop.exited;
  if (code !== 0) throw new Error(`the shop ended with ${code}\n${stage.lastWords()}`);
  screen.good('the shop has closed (SIGTERM): the broker has confirmed all that it logged');
  const counts = await settled();
  over.abort();
  return tell(counts, answers);
}

/** One line a second: all of it from outside, none of it from Loghive. */
async function watch(answers, signal) {
  for (;;) {
    await pause(1000, undefined, { signal }).catch(() => {});
    const rows = await rowsNow(stage.query).catch(() => '?');
    const queued = await messagesQueued().catch(() => 'away');
    if (signal.aborted) return;
    const logged = receiptsIn(stage.receipts).length;
    screen.numbers({ requests: answers.count, logged, 'in the table': rows, 'messages in the broker': queued });
  }
}

async function messagesQueued() {
  const queues = await stage.servers.listQueues();
  return queues.reduce((sum, { messages }) => sum + messages, 0);
}

/** The audit as soon as it passes, or as it stands when the time is over. */
async function settled() {
  const deadlineMs = performance.now() + SETTLE_MS;
  for (;;) {
    const counts = await balance(stage.query, stage.receipts);
    if (adds(counts) || performance.now() > deadlineMs) return counts;
    await pause(100);
  }
}

async function tell(counts, answers) {
  const { accepted, stored, duplicated, lost, unknown } = counts;
  const [medianMs, slowMs] = [0.5, 0.99].map((share) => Math.round(quantile(answers.tookMs, share)));
  screen.title('Every record, looked for by its id');
  screen.table([{ accepted, stored, duplicated, lost }]);
  screen.blank();
  screen.text('  accepted: what the shop wrote into a file of its own after each logging call. The rest: SQL.');
  if (unknown > 0) screen.text(`  ${unknown} rows in the table are none of the shop's!`);
  screen.text(
    `  ${answers.count} HTTP requests, ${answers.failed} without an answer; median ${medianMs} ms, 99 % within ${slowMs} ms.`,
  );
  screen.title('What people find by SQL: the last errors, and all that one request logged');
  screen.table(await lastErrors(stage.query));
  screen.table(await storyOfTheLastError(stage.query));
  screen.blank();
  if (adds(counts)) screen.good('nothing lost, nothing stored twice');
  else screen.bad('the audit failed');
  return {
    ...counts,
    requests: answers.count,
    unanswered: answers.failed,
    medianMs,
    p99Ms: slowMs,
    broker: stage.servers.broker,
    consumerKills: 1,
    ...stage.servers.fault.counts,
    seconds: Number(screen.seconds().toFixed(1)),
  };
}
