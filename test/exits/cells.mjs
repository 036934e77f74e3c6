/** Runs one cell of the table. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startChild } from '../support/child.mjs';
import { startProxy } from '../support/proxy.mjs';
import { eventually, sleep } from '../support/wait.mjs';
import { countMessages, fillQueue, purgeQueue, takeAll } from './queues.mjs';
import { filesIn, TEXTS } from './table.mjs';

/** The signal that is sent to a process that ends in this way. */
const SIGNALS = {
  SIGTERM: 'SIGTERM',
  SIGINT: 'SIGINT',
  SIGHUP: 'SIGHUP',
  'second-signal': 'SIGTERM',
  express: 'SIGTERM',
  polite: 'SIGTERM',
  raise: 'SIGTERM',
  'signal-exit': 'SIGTERM',
};
/** When the second signal is sent, in milliseconds. */
const SECOND_SIGNAL_MS = 100;

/** A process that still runs then hangs. */
const GONE_MS = 30_000;
/** How much longer than its time limit the end of a process may take on a busy machine. */
const MARGIN_MS = 7500;
/** Longer than the margin, so that a process that waits in vain is noticed. */
const LONG_EXIT_TIMEOUT_MS = 8000;
/** For processes that wait until it is over. */
const EXIT_TIMEOUT_MS = 3000;
/** The default, which `register` has: there is no variable for it. */
const DEFAULT_EXIT_TIMEOUT_MS = 5000;

/** Reported for what is left on disk. */
const LEFT = 'left on disk';

const APP = path.join(import.meta.dirname, 'app.mjs');
const REGISTER = path.resolve(import.meta.dirname, '../../dist/esm/transports/console-register.js');

/**
 * Runs a cell once.
 *
 * @param nodePath the program of Node.
 * @param url of the broker.
 * @param service a unique name.
 * @param control how the process ends without Loghive, as returned by `controlOf()`.
 * @returns descriptions of its faults; none if it passed.
 */
export async function tryCell(cell, { nodePath, url, service, control }) {
  const { integration, end, place, broker } = cell;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'loghive-exits-'));
  const spool = path.join(folder, 'spool');
  const mayEnd = path.join(folder, 'may-end');
  const queue = `${service}_info_logs`;
  const faults = [];
  const children = [];
  let trouble;
  try {
    trouble = await causeTrouble(broker, url, queue);
    const options = {
      service,
      url: trouble.url,
      exitTimeoutMs: exitTimeoutMsOf(cell),
      queueType: 'classic',
      spool: broker === 'unspooled' ? false : { dir: spool },
    };
    const run = (how, env) => {
      const child = start({ integration, end: how, place, options, nodePath, env });
      children.push(child);
      return child;
    };
    const child = run(end, { MAY_END: mayEnd });
    await trouble.begun(child);
    await writeFile(mayEnd, '');
    const { ended, ms } = await endOf(child, end);
    if (ended !== control) faults.push(`it ended with ${ended}; without Loghive with ${control}`);
    const limitMs = longestWaitMs(cell) + MARGIN_MS;
    if (ms > limitMs) faults.push(`its end took ${Math.round(ms)} ms, longer than ${limitMs} ms`);
    const ownLines = child.stderr.filter((line) => line.includes('[loghive]'));
    if (broker === 'unspooled') {
      faults.push(...uncounted(ownLines));
      return faults.length === 0 ? [] : [...faults, ...child.lines.slice(-5)];
    }
    const isExpected = (line) =>
      broker === 'up' ? line.includes(LEFT) && end === 'second-signal' : !line.includes('dropped');
    faults.push(...ownLines.filter((line) => !isExpected(line)));

    await trouble.end();
    // While the broker is up, only a second signal may leave something behind.
    if (broker !== 'up' || (end === 'second-signal' && filesIn(spool).length > 0)) {
      const next = run('next', { SPOOL: spool });
      await next.exited;
      if (!next.stdout.includes('sent')) faults.push('the next process did not send what was left');
    }
    faults.push(...filesIn(spool).map((file) => `${file} is left in the spool`));
    faults.push(...faultsOf(await takeAll(url, queue), broker));
  } finally {
    for (const child of children) await child.kill();
    await trouble?.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return faults.length === 0 ? [] : [...faults, ...children.flatMap(({ lines }) => lines.slice(-5))];
}

/**
 * Brings the broker into a state, as far as that is possible before the process starts. The process must use the
 * returned `url`; `begun(child)` resolves when its trouble has begun, `end()` ends it.
 */
async function causeTrouble(broker, url, queue) {
  if (broker === 'up') return { url, async begun() {}, async end() {}, async stop() {} };
  if (broker === 'full') {
    await fillQueue(url, queue);
    return {
      url,
      begun: (child) => child.waitForLine(/records wait because the broker refuses/, GONE_MS),
      end: () => purgeQueue(url, queue),
      async stop() {},
    };
  }
  const { hostname, port } = new URL(url);
  const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
  if (broker !== 'stopped') await proxy.refuse();
  return {
    url: proxy.url(url),
    async begun() {
      if (broker !== 'stopped') return;
      const isSent = async () => (await countMessages(url, queue)) > 0;
      await eventually(isSent, { withinMs: GONE_MS, what: 'a first record' });
      proxy.halfOpen();
    },
    // What was sent meanwhile arrives now.
    end: () => proxy.heal({ resume: true }),
    stop: () => proxy.stop(),
  };
}

/** How a process ends without Loghive. */
export async function controlOf({ end, place }, nodePath) {
  const { ended } = await endOf(start({ integration: 'none', end, place, options: {}, nodePath }), end);
  return ended;
}

function start({ integration, end, place, options, nodePath, env = {} }) {
  const isRegistered = integration === 'register';
  return startChild(APP, {
    nodePath,
    args: [integration, end, place, JSON.stringify(options)],
    nodeArgs: isRegistered ? ['--import', REGISTER] : [],
    env: isRegistered ? { ...env, ...environmentOf(options) } : env,
  });
}

function environmentOf({ url, service, queueType, spool }) {
  const settings = { LOGHIVE_URL: url, LOGHIVE_SERVICE: service, QUEUE_TYPE: queueType };
  return { ...settings, ...(spool ? { LOGHIVE_SPOOL_DIR: spool.dir } : { LOGHIVE_SPOOL: 'false' }) };
}

/** How long the process may wait for the broker at its end, in milliseconds. */
function longestWaitMs(cell) {
  const { integration, end, broker } = cell;
  // Nothing can be sent.
  if (broker === 'down') return 0;
  // A second signal stops the wait, but while Pino waits for its worker, no signal is handled.
  if (end === 'second-signal' && integration !== 'pino-target') return 0;
  return integration === 'register' ? DEFAULT_EXIT_TIMEOUT_MS : exitTimeoutMsOf(cell);
}

function exitTimeoutMsOf({ integration, end, broker }) {
  const waits = broker !== 'up' && broker !== 'down';
  return waits && (end !== 'second-signal' || integration === 'pino-target') ? EXIT_TIMEOUT_MS : LONG_EXIT_TIMEOUT_MS;
}

/** The exit code or the signal (`3` or `SIGTERM`), and how long the end took. */
async function endOf(child, end) {
  const late = setTimeout(() => child.kill(), GONE_MS);
  let begunMs = performance.now();
  try {
    const [, pid] = await child.waitForLine(/^ready (\d+)$/, GONE_MS);
    begunMs = performance.now();
    if (SIGNALS[end]) process.kill(Number(pid), SIGNALS[end]);
    if (end === 'second-signal') {
      await sleep(SECOND_SIGNAL_MS);
      begunMs = performance.now();
      await child.kill(SIGNALS[end]);
    }
    const { code, signal } = await child.exited;
    return { ended: String(signal ?? code), ms: performance.now() - begunMs };
  } catch (error) {
    await child.kill();
    return { ended: error.message, ms: performance.now() - begunMs };
  } finally {
    clearTimeout(late);
  }
}

/** Describes the losses that were not counted. */
function uncounted(lines) {
  const lost = lines.flatMap((line) => [...line.matchAll(/records dropped: .* (\d+) in total/g)]).at(-1)?.[1] ?? 0;
  // There may be more, because Winston's own handler and the patched console also log the exception.
  return Number(lost) < TEXTS.length ? [`${lost} of ${TEXTS.length} lost records were counted`, ...lines] : [];
}

/** Describes the texts that would not be stored exactly once. */
function faultsOf(records, broker) {
  // A record may be sent again, with the same id, if the broker may have it already.
  const isSentOnce = broker === 'down' || broker === 'full';
  const stored = isSentOnce ? records : new Map(records.map((record) => [record.id, record])).values();
  const counts = new Map(TEXTS.map((text) => [text, 0]));
  for (const { message } of stored) if (counts.has(message)) counts.set(message, counts.get(message) + 1);
  return [...counts]
    .filter(([, count]) => count !== 1)
    .map(([text, count]) => `"${text}" would be stored ${count} times`);
}
