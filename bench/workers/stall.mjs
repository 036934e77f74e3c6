/**
 * An application that logs at a steady rate, and measures its event loop and its logging calls. Controlled by
 * ../stalling-application.mjs.
 */
import { LoghiveTransport } from 'loghive/winston';
import winston from 'winston';
import Transport from 'winston-transport';
import { informationOf, MESSAGE } from '../records.mjs';
import { watchCalls, watchLoop } from './stall-meters.mjs';

const [url, queueType, service, fullService, spooledService] = process.argv.slice(2);
const EVERY_MS = 10;
const RECORDS_EACH = 20;

/** The application without a transport. Winston needs one, otherwise it complains about each record. */
class Nothing extends Transport {
  log(_info, next) {
    next();
  }
}

// An unresponsive broker is noticed while it hangs, instead of after ten seconds.
const common = { url, queueType, exitTimeoutMs: 0, socketTimeoutMs: 1000 };
const transports = {
  [service]: new LoghiveTransport({ ...common, service }),
  // What the full queue refuses must not be sent by the application of the next round.
  [fullService]: new LoghiveTransport({ ...common, service: fullService, spool: false }),
  [spooledService]: new LoghiveTransport({ ...common, service: spooledService, bufferBytes: 256 * 1024 }),
};
const loggers = new Map(
  Object.entries({ ...transports, nothing: new Nothing() }).map(([name, transport]) => [
    name,
    winston.createLogger({ transports: [transport] }),
  ]),
);
const logged = new Map([...loggers.keys()].map((name) => [name, 0]));
let to = 'nothing';
let calls = watchCalls();
let loop;

const logging = setInterval(() => {
  const logger = loggers.get(to);
  const first = logged.get(to);
  calls.time(first, first + RECORDS_EACH, (n) => logger.info(MESSAGE, informationOf(n)));
  logged.set(to, first + RECORDS_EACH);
}, EVERY_MS);

const answers = {
  measure() {
    calls = watchCalls();
    loop = watchLoop();
  },
  result: () => ({ loop: loop.end(), call: calls.end() }),
  logTo(name) {
    to = name;
  },
  stats: (name) => transports[name].stats(),
  /** Connects at once, and resolves when everything logged until now is confirmed. */
  flush: (name) => transports[name].flush({ timeoutMs: 60_000 }),
  /** @returns how many records were logged, by service */
  end() {
    clearInterval(logging);
    return Object.fromEntries(logged);
  },
};

process.on('message', async ({ ask, argument }) => {
  if (ask === 'quit') process.exit();
  process.send({ answer: (await answers[ask](argument)) ?? null });
});
process.send({ ready: true });
