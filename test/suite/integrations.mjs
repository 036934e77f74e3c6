/**
 * How an application of the suite logs. Each integration resolves to a logger:
 *
 * - `log(level, message, fields, done)`: `level` as Winston names it; `done()` is called as soon as the record is
 *   accepted, usually before `log` returns.
 * - `close()`: flushes and closes.
 * - `stats()`, `status()` and `events`: what Loghive reports in this process, if it runs here.
 *
 * Libraries are loaded when they are needed: `loghive/flush-on-exit` acts on the whole process.
 */
import { once } from 'node:events';
import { openPythonPackage } from './python-package.mjs';

/** Every record has the field `shop`, the name of the application. */
export const INTEGRATIONS = { winston, 'pino-target': pinoTarget, pipe, console: console_, client, python };

async function winston(options, shop) {
  const { LoghiveTransport } = await import('loghive/winston');
  const { default: library } = await import('winston');
  const transport = new LoghiveTransport(options);
  const logger = library.createLogger({ level: 'silly', defaultMeta: { shop }, transports: [transport] });
  return {
    ...ownProducer(transport),
    log(level, message, fields, done) {
      logger.log(level, message, fields);
      done();
    },
    async close() {
      await transport.flush();
      await once(logger.end(), 'finish');
    },
  };
}

async function pinoTarget(options, shop) {
  const { default: library } = await import('pino');
  await import('loghive/flush-on-exit');
  const stream = library.transport({ target: 'loghive/pino', options });
  return {
    log: pinoLog(library, stream, shop),
    async close() {
      // Emitted while it ends.
      const closed = once(stream, 'close');
      stream.end();
      await closed;
    },
  };
}

/** Pino's lines on stdout, for `loghive pipe`, a process of its own. */
async function pipe(_options, shop) {
  const { default: library } = await import('pino');
  const stream = library.destination({ fd: 1, sync: true });
  // Without a handler, the signal could end the process in the middle of a line.
  process.once('SIGTERM', () => process.kill(process.pid, 'SIGTERM'));
  return { log: pinoLog(library, stream, shop), async close() {} };
}

function pinoLog(library, stream, shop) {
  const logger = library({ level: 'trace', base: { shop } }, stream);
  return (level, message, fields, done) => {
    logger[level](fields, message);
    done();
  };
}

async function console_(options, shop) {
  const { patchConsole } = await import('loghive/console');
  const patched = patchConsole(options);
  return {
    ...ownProducer(patched),
    log(level, message, fields, done) {
      console[level](message, { shop, ...fields });
      done();
    },
    close: () => patched.close(),
  };
}

async function client(options, shop) {
  const { LoggerClient } = await import('loghive');
  const own = new LoggerClient(options);
  const logger = own.child({ shop });
  return {
    ...ownProducer(own),
    log(level, message, fields, done) {
      logger.log(level, message, fields);
      done();
    },
    close: () => own.close(),
  };
}

async function python({ url, service }, shop) {
  const client = openPythonPackage({ url, service });
  return {
    log: (level, message, fields, done) => client.log(level, message, { shop, ...fields }, done),
    close: () => client.close(),
  };
}

/** What an integration reports whose producer runs in the application's own thread. */
function ownProducer(integration) {
  const events = { connect: 0, disconnect: 0, warning: 0 };
  for (const name of Object.keys(events)) integration.on(name, () => events[name]++);
  return { events, stats: () => integration.stats(), status: () => integration.status() };
}
