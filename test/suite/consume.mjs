/**
 * A consumer in a process of its own, with features that the command line lacks: its status as lines of JSON, an exit
 * between COMMIT and acknowledgement, and killing a worker thread.
 *
 * argv: { services, options, dieAtCommit?, waitForGo? } as JSON. With `workers` in the options it uses threads, and
 * dieAtCommit has no effect. SIGTERM ends it gracefully. IPC commands: 'go', { killWorker: id }.
 *
 * stdout: a line of JSON every 50 ms, and one when it starts consuming, dies or has ended.
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
  // Nothing else may run until the signal is delivered, in particular not the acknowledgement.
  for (;;);
}

// With a hook, the consumer would run in the main thread.
const hooks = options.workers === undefined ? { hooks: { afterCommit } } : {};
const consumer = createConsumer(services, { ...options, ...hooks });
let go = () => {};
const goReceived = new Promise((resolve) => {
  go = resolve;
});

process.on('message', (command) => {
  if (command === 'go') go();
  // A single thread cannot be killed from outside, because signals go to the whole process.
  else void consumer.killWorker(command.killWorker).then(() => kills++);
});

/** Synchronous, so that a line before a SIGKILL is written. */
function report(more = {}) {
  const line = `${JSON.stringify({ commits, kills, ...consumer.status(), ...more })}\n`;
  try {
    fs.writeSync(1, line);
  } catch (error) {
    // The pipe is full. The next report has the same information.
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
  await goReceived;
}
const reporting = setInterval(report, REPORT_MS);
await consumer.start();
if (consumer.status().state === 'running') report({ ready: true });
reporting.unref();
