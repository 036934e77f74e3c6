/**
 * Logs through an integration, closes it, and prints as JSON what this process has more than before: handles, timers,
 * threads, open files, listeners. argv: integration, its options as JSON.
 */
import { createHook } from 'node:async_hooks';
import { Console } from 'node:console';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import pino from 'pino';
import winston from 'winston';
import { LoggerClient } from '../dist/esm/src/client.js';
import { patchConsole } from '../dist/esm/transports/console.js';
import { loghivePino } from '../dist/esm/transports/pino.js';
import { LoghiveTransport } from '../dist/esm/transports/winston.js';

const RECORDS = 100;
/** How long to wait until nothing is left, in milliseconds: a socket closes in its own time. */
const WITHIN_MS = 3000;
/**
 * They end with their garbage collection, and keep nothing open. `RANDOMBYTESREQUEST`: what the synchronous functions of
 * node:crypto leave as well.
 */
const HARMLESS = new Set([
  'PROMISE',
  'TickObject',
  'Microtask',
  'AsyncLocalStorage',
  'bound-anonymous-fn',
  'RANDOMBYTESREQUEST',
]);

const [kind, optionsText] = process.argv.slice(2);
const options = JSON.parse(optionsText);
const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });

/** Each logs and closes. */
const KINDS = {
  async client() {
    const client = new LoggerClient(options);
    for (let n = 0; n < RECORDS; n++) client.info('order', { n });
    await client.close();
  },
  async winston() {
    const transport = new LoghiveTransport(options);
    const logger = winston.createLogger({ transports: [transport] });
    for (let n = 0; n < RECORDS; n++) logger.info('order', { n });
    await once(logger.end(), 'finish');
    await transport.close();
  },
  async console() {
    const console = new Console(nowhere);
    const patched = patchConsole({ ...options, console });
    for (let n = 0; n < RECORDS; n++) console.info('order', { n });
    await patched.close();
  },
  async pino() {
    const stream = loghivePino(options);
    const logger = pino(stream);
    for (let n = 0; n < RECORDS; n++) logger.info({ n }, 'order');
    await stream.close();
  },
  async 'pino-target'() {
    const target = new URL('../dist/esm/transports/pino.js', import.meta.url).href;
    const stream = pino.transport({ target, options });
    const logger = pino(stream);
    for (let n = 0; n < RECORDS; n++) logger.info({ n }, 'order');
    // Emitted while it ends.
    const closed = once(stream, 'close');
    stream.end();
    await closed;
  },
};

const alive = new Map();
const hook = createHook({ init: (id, type) => alive.set(id, type), destroy: (id) => alive.delete(id) });

const countsOf = (names) => {
  const counts = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

const linksIn = (folder) =>
  readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      return []; // The one that reads the folder.
    }
  });

function snapshot() {
  const hasProc = existsSync('/proc/self/fd');
  return {
    handles: countsOf(process.getActiveResourcesInfo()),
    resources: countsOf([...alive.values()].filter((type) => !HARMLESS.has(type))),
    files: hasProc ? countsOf(linksIn('/proc/self/fd')) : {},
    threads: { threads: hasProc ? readdirSync('/proc/self/task').length : 0 },
    listeners: countsOf(process.eventNames().flatMap((name) => Array(process.listenerCount(name)).fill(String(name)))),
  };
}

/** What there is more of, by group and name. */
function added(before, after) {
  const groups = Object.entries(after).map(([group, counts]) => {
    const more = Object.entries(counts).filter(([name, count]) => count > (before[group][name] ?? 0));
    return [group, Object.fromEntries(more.map(([name, count]) => [name, count - (before[group][name] ?? 0)]))];
  });
  return Object.fromEntries(groups.filter(([, more]) => Object.keys(more).length > 0));
}

/** The threads of Node's own pool start when they are needed, and stay. */
await Promise.all(Array.from({ length: 32 }, () => readFile(import.meta.filename)));
// Pino's worker thread does not keep the process running.
const running = setInterval(() => {}, 1000);
hook.enable();
await new Promise((resolve) => setTimeout(resolve, 50));
const before = snapshot();
await KINDS[kind]();
const untilMs = performance.now() + WITHIN_MS;
let left;
do {
  await new Promise((resolve) => setTimeout(resolve, 20));
  left = added(before, snapshot());
} while (Object.keys(left).length > 0 && performance.now() < untilMs);
clearInterval(running);
process.stdout.write(`${JSON.stringify(left)}\n`);
