/**
 * An application of the suite: it logs through one integration and ends in one way. argv: integration, end, place
 * ('main'; 'thread': in a worker thread; 'cluster': in a worker of node:cluster), options of Loghive as JSON. If the
 * variable MAY_END is set, it ends only once that file exists. It prints `ready` with its pid immediately before.
 *
 * The integration `none` shows how a process ends without Loghive. The end `next` logs nothing, and waits until nothing
 * is left in the folder of the variable SPOOL.
 */
import cluster from 'node:cluster';
import { existsSync, writeSync } from 'node:fs';
import http from 'node:http';
import { Worker } from 'node:worker_threads';
import { filesIn, TEXTS } from './table.mjs';

const [integration, end, place, optionsText] = process.argv.slice(2);
const options = JSON.parse(optionsText);
const dist = (name) => import(`../../dist/esm/${name}.js`);

/** Each returns `log(text)` and `close()`. */
const INTEGRATIONS = {
  none: async () => ({ log() {}, async close() {} }),
  winston: async () => winston({}),
  'winston-exceptions': async () => winston({ handleExceptions: true, handleRejections: true }),
  'pino-target': async () => {
    const { default: pino } = await import('pino');
    await dist('src/publisher/flush-on-exit');
    const target = new URL('../../dist/esm/transports/pino.js', import.meta.url).href;
    const stream = pino.transport({ target, options });
    const logger = pino(stream);
    const close = () => new Promise((resolve) => stream.once('close', resolve).end());
    return { log: (text) => logger.info(text), close };
  },
  'pino-in-process': async () => {
    const { default: pino } = await import('pino');
    const { loghivePino } = await dist('transports/pino');
    const stream = loghivePino(options);
    const logger = pino(stream);
    return { log: (text) => logger.info(text), close: () => stream.close() };
  },
  console: async () => {
    const { patchConsole } = await dist('transports/console');
    const patched = patchConsole(options);
    return { log: (text) => console.info(text), close: () => patched.close() };
  },
  // Already patched by `--import`.
  register: async () => ({ log: (text) => console.info(text), async close() {} }),
  client: async () => {
    const { LoggerClient } = await dist('src/index');
    const client = new LoggerClient(options);
    return { log: (text) => client.info(text), close: () => client.close() };
  },
};

async function winston(more) {
  const { default: library } = await import('winston');
  const { LoghiveTransport } = await dist('transports/winston');
  const transport = new LoghiveTransport({ ...options, ...more });
  const logger = library.createLogger({ transports: [transport] });
  return { log: (text) => logger.info(text), close: () => transport.close() };
}

/** Synchronous, because the process may end immediately afterwards. */
const print = (line) => writeSync(1, `${line}\n`);
const ready = () => print(`ready ${process.pid}`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const serve = () =>
  new Promise((resolve) => {
    const server = http.createServer((_request, response) => response.end());
    server.listen(0, '127.0.0.1', () => resolve(server));
  });

/** How long the records of an earlier process may take, in milliseconds. */
const NEXT_MS = 20_000;

const [FIRST, ...LAST] = TEXTS;
/** Each logs the remaining texts, and ends or waits for the signal. */
const ENDS = {
  script({ log }) {
    LAST.forEach(log);
    ready();
  },
  async close({ log, close }) {
    LAST.forEach(log);
    ready();
    await close();
  },
  exit({ log }) {
    LAST.forEach(log);
    ready();
    process.exit(3);
  },
  exception({ log }) {
    LAST.forEach(log);
    ready();
    throw new Error('uncaught');
  },
  rejection({ log }) {
    LAST.forEach(log);
    ready();
    Promise.reject(new Error('unhandled'));
  },
  /** In this case Node emits no `exit` event. */
  rethrow({ log }) {
    ready();
    process.on('uncaughtException', (error) => {
      LAST.forEach(log);
      throw error;
    });
    throw new Error('uncaught');
  },
  SIGTERM: live,
  SIGINT: live,
  SIGHUP: live,
  'second-signal': live,
  async express({ log }) {
    const server = await serve();
    const [last, ...before] = [...LAST].reverse();
    process.on('SIGTERM', () => {
      before.forEach(log);
      server.close(() => {
        log(last);
        process.exit(0);
      });
    });
    ready();
  },
  /** As Nest's shutdown hooks do. */
  async raise({ log }) {
    process.on('SIGTERM', async function shutDown() {
      LAST.forEach(log);
      await sleep(20);
      process.off('SIGTERM', shutDown);
      process.kill(process.pid, 'SIGTERM');
    });
    await serve();
    ready();
  },
  /** A common package: it runs its callbacks, then ends the process only if there is no other listener. */
  async 'signal-exit'({ log }) {
    const { onExit } = await import('signal-exit');
    onExit(() => LAST.forEach(log));
    await serve();
    ready();
  },
  /** As Prisma's engine does: it ends the process only if there is no other listener. */
  async polite({ log }) {
    process.once('SIGTERM', async () => {
      LAST.forEach(log);
      await sleep(20);
      if (process.listenerCount('SIGTERM') === 0) process.exit(143);
    });
    await serve();
    ready();
  },
};

async function live({ log }) {
  await serve();
  LAST.forEach(log);
  ready();
}

/** The records of an earlier process are sent in the background, so this one runs until then. */
async function next({ close }) {
  const untilMs = performance.now() + NEXT_MS;
  while (filesIn(process.env.SPOOL).length > 0 && performance.now() < untilMs) await sleep(10);
  if (performance.now() < untilMs) print('sent');
  await close();
  process.exit(0);
}

async function run() {
  const logger = await INTEGRATIONS[integration]();
  if (end === 'next') return next(logger);
  logger.log(FIRST);
  const { MAY_END } = process.env;
  while (MAY_END && !existsSync(MAY_END)) await sleep(10);
  // Later, as in applications: an exception while a module is loaded would be a rejection.
  setImmediate(() => ENDS[end](logger));
}

if (place === 'main') {
  await run();
} else if (place === 'thread') {
  const worker = new Worker(new URL(import.meta.url), { argv: [integration, end, 'main', optionsText] });
  worker.on('error', () => {});
  worker.on('exit', (code) => {
    process.exitCode = code;
  });
} else if (cluster.isPrimary) {
  cluster.fork().on('exit', (code) => {
    process.exitCode = code;
  });
} else {
  await run();
}
