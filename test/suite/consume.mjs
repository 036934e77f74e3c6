/**
 * A consumer as a process of its own, with what the command line has not: its status as lines of JSON, a death between
 * COMMIT and acknowledgement, and the end of a worker thread.
 *
 * argv: { services, options, dieAtCommit?, waitForGo? } as JSON. With `workers` among the options it has threads, and does
 * not die by itself. SIGTERM ends it in order. Over the IPC channel: 'go', { killWorker: id }.
 * stdout: a line of JSON every 50 ms, and one when it takes messages, dies and has ended.
 */
import fs from 'node:fs';
import { createConsumer } from 'loghive/consumer';

const REPORT_MS = 50;

const { services, options, dieAtCommit, waitForGo } = JSON.parse(process.argv[2]);
let commits = 0;
let kills = 0;

function afterCommit() {
  commits++;
  if (commits !== dieAtCommit) return;
  report({ dying: true });
  process.kill(process.pid, 'SIGKILL');
  // Until the kernel has seen to it nothing else may run, least of all the acknowledgement.
  for (;;);
}

// With a hook the consumer would work in the main thread.
const hooks = options.workers === undefined ? { hooks: { afterCommit } } : {};
const consumer = createConsumer(services, { ...options, ...hooks });
let go = () => {};
const told = new Promise((resolve) => {
  go = resolve;
});

process.on('message', (command) => {
  if (command === 'go') go();
  // From outside no thread can be ended: a signal goes to the whole process.
  else void consumer.killWorker(command.killWorker).then(() => kills++);
});

/** Synchronous: the line before a SIGKILL counts as well. */
function report(more = {}) {
  const line = `${JSON.stringify({ commits, kills, ...consumer.status(), ...more })}\n`;
  try {
    fs.writeSync(1, line);
  } catch (error) {
    // The pipe is full: the next report says the same.
    if (error.code !== 'EAGAIN') throw error;
  }
}

process.on('SIGTERM', async () => {
  await consumer.stop();
  report({ ended: true });
  process.exit(0);
});
if (waitForGo) {
  report({ waiting: true });
  await told;
}
const reporting = setInterval(report, REPORT_MS);
await consumer.start();
if (consumer.status().state === 'running') report({ ready: true });
reporting.unref();
