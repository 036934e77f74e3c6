/** The table of the suite: which integration logs, what ends the process, and where; and how to run one cell of it. */
import path from 'node:path';
import { startChild } from '../support/child.mjs';
import { freePort } from '../support/ports.mjs';
import { takeRecords } from './take-records.mjs';

export const INTEGRATIONS = ['winston', 'pino-target', 'pino-in-process', 'console', 'register', 'client'];
/** Winston's own handling of exceptions, which ends the process itself. */
const WITH_EXCEPTIONS = 'winston-exceptions';
export const EXITS = ['exit', 'exception', 'rejection', 'rethrow'];
export const ENDS = [
  'script',
  'close',
  ...EXITS,
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'express',
  'polite',
  'raise',
  'signal-exit',
];
/** The signal that is sent to a process that ends in this way. */
const SIGNALS = {
  SIGTERM: 'SIGTERM',
  SIGINT: 'SIGINT',
  SIGHUP: 'SIGHUP',
  express: 'SIGTERM',
  polite: 'SIGTERM',
  raise: 'SIGTERM',
  'signal-exit': 'SIGTERM',
};

/** The logged texts: the first when the process starts, the others immediately before it ends. */
export const TEXTS = Array.from({ length: 12 }, (_, number) => `record ${number}`);

/** A process that waits for an unreachable broker must have ended by then, even on a busy machine. */
const GONE_MS = 30_000;

const APP = path.join(import.meta.dirname, 'app.mjs');
const REGISTER = path.resolve(import.meta.dirname, '../../dist/esm/transports/console-register.js');

const cell = (integration, end, place, broker) => ({
  name: [integration, end, ...(place === 'main' ? [] : [place]), ...(broker === 'up' ? [] : ['away'])].join(' '),
  integration,
  end,
  place,
  broker,
});

export const CELLS = [
  ...INTEGRATIONS.flatMap((integration) => ENDS.map((end) => cell(integration, end, 'main', 'up'))),
  ...EXITS.slice(1).map((end) => cell(WITH_EXCEPTIONS, end, 'main', 'up')),
  ...['thread', 'cluster'].flatMap((place) =>
    INTEGRATIONS.flatMap((integration) => EXITS.map((end) => cell(integration, end, place, 'up'))),
  ),
  ...INTEGRATIONS.flatMap((integration) => ENDS.map((end) => cell(integration, end, 'main', 'away'))),
  // `--import loghive/console/register` acts on the main thread only.
].filter(({ integration, place }) => integration !== 'register' || place !== 'thread');

/** Exits and exceptions are also tested on other versions of Node. */
export const isForEachNode = ({ end, broker }) => EXITS.includes(end) && broker === 'up';

/**
 * Runs a cell once.
 *
 * @param nodePath the program of Node.
 * @param url of the broker.
 * @param service a unique name.
 * @param control how the process ends without Loghive, as returned by `controlOf()`.
 * @returns descriptions of its faults; none if it passed.
 */
export async function tryCell({ integration, end, place, broker }, { nodePath, url, service, control }) {
  const faults = [];
  const options = {
    service,
    url: broker === 'up' ? url : `amqp://127.0.0.1:${await freePort()}`,
    exitTimeoutMs: broker === 'up' ? 8000 : 1000,
    queueType: 'classic',
  };
  const child = start({ integration, end, place, options, nodePath });
  const ended = await endOf(child, end);
  if (ended !== control) faults.push(`it ended with ${ended}; without Loghive with ${control}`);
  const ownLines = child.stderr.filter((line) => line.includes('[loghive]'));
  if (broker === 'up') {
    faults.push(...ownLines, ...(await missing(url, service)));
  } else {
    const lost = ownLines.flatMap((line) => [...line.matchAll(/records dropped: .* (\d+) in total/g)]).at(-1)?.[1] ?? 0;
    // There may be more, because Winston's own handler and the patched console also log the exception.
    if (Number(lost) < TEXTS.length) faults.push(`${lost} of ${TEXTS.length} lost records were counted`, ...ownLines);
  }
  return faults.length === 0 ? [] : [...faults, ...child.lines.slice(-5)];
}

/** How a process ends without Loghive. */
export async function controlOf({ end, place }, nodePath) {
  return endOf(start({ integration: 'none', end, place, options: {}, nodePath }), end);
}

function start({ integration, end, place, options, nodePath }) {
  const isRegistered = integration === 'register';
  return startChild(APP, {
    nodePath,
    args: [integration, end, place, JSON.stringify(options)],
    nodeArgs: isRegistered ? ['--import', REGISTER] : [],
    env: isRegistered
      ? { LOGHIVE_URL: options.url, LOGHIVE_SERVICE: options.service, QUEUE_TYPE: options.queueType }
      : {},
  });
}

/** The exit code or the signal: `3` or `SIGTERM`. */
async function endOf(child, end) {
  const late = setTimeout(() => child.kill(), GONE_MS);
  try {
    if (SIGNALS[end]) {
      const [, pid] = await child.waitForLine(/^ready (\d+)$/, GONE_MS);
      process.kill(Number(pid), SIGNALS[end]);
    }
    const { code, signal } = await child.exited;
    return String(signal ?? code);
  } catch (error) {
    await child.kill();
    return error.message;
  } finally {
    clearTimeout(late);
  }
}

/** Describes the texts that would not be stored exactly once. */
async function missing(url, service) {
  const messages = await takeRecords(url, `${service}_info_logs`);
  const counts = new Map(TEXTS.map((text) => [text, 0]));
  for (const message of messages) if (counts.has(message)) counts.set(message, counts.get(message) + 1);
  return [...counts]
    .filter(([, count]) => count !== 1)
    .map(([text, count]) => `"${text}" would be stored ${count} times`);
}
