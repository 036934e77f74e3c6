/**
 * An application with an ordinary Winston logger, in a process of its own. It writes the ref of each record to a file
 * after the logging call has returned. That file, which is independent of Loghive, is the list of accepted records.
 *
 * argv: { name, acceptedFile, perSecond, levels, information, transport } as JSON.
 *
 * IPC commands: 'log', 'pause', 'end', { levels: [...] }, { information: {...} }, { service }: also log as this service
 * from now on, alternating.
 *
 * stdout: a line of JSON every 50 ms, the last one with `ended: true`.
 */
import fs from 'node:fs';
import { LoghiveTransport } from 'loghive/winston';
import winston from 'winston';

const TICK_MS = 4;
const REPORT_MS = 50;
/** Occasionally a record that is larger than a frame. */
const LARGE_EACH = 1000;
const LARGE = { note: 'x'.repeat(70_000), noteLength: 70_000 };
/** A late tick catches up, but only so much that it does not stall the application itself. */
const MAX_PER_TICK = 200;

const setup = JSON.parse(process.argv[2]);
const accepted = fs.openSync(setup.acceptedFile, 'a');
const events = { connect: 0, disconnect: 0, warning: 0 };
/** One logger for each service. They share one publisher, and so its counts and status. */
const transports = [];
const loggers = [];

function openLogger(options) {
  const transport = new LoghiveTransport({ exitTimeoutMs: 8000, ...options });
  for (const name of Object.keys(events)) transport.on(name, () => events[name]++);
  transports.push(transport);
  loggers.push(winston.createLogger({ level: 'silly', defaultMeta: { shop: setup.name }, transports: [transport] }));
}
openLogger(setup.transport);

let levels = setup.levels;
let every = setup.information;
let logged = 0;
let loggingMs = 0;
/** Start of the current interval since the last 'log', and the number of records logged before it. */
let stretch;

function logOne() {
  const n = logged;
  const ref = `${setup.name}-${n}`;
  const level = levels[n % levels.length];
  const special = every && n % every.each === 0 ? every.add : undefined;
  const large = n % LARGE_EACH === LARGE_EACH - 1 ? LARGE : undefined;
  loggers[n % loggers.length].log(level, `order ${ref} placed`, {
    ref,
    n,
    as: level,
    customer: `c${n % 977}`,
    total: n / 4,
    ...special,
    ...large,
  });
  fs.writeSync(accepted, `${ref}\n`);
  logged++;
}

function tick() {
  if (!stretch) return;
  const due = stretch.logged + ((performance.now() - stretch.sinceMs) / 1000) * setup.perSecond;
  const until = Math.min(due, logged + MAX_PER_TICK);
  while (logged < until) logOne();
}

function pause() {
  if (!stretch) return;
  loggingMs += performance.now() - stretch.sinceMs;
  stretch = undefined;
}

function report(more = {}) {
  const [first] = transports;
  const now = stretch ? performance.now() - stretch.sinceMs : 0;
  const facts = {
    logged,
    loggingMs: loggingMs + now,

    levels,
    events,
    stats: first.stats(),
    status: first.status(),
  };
  process.stdout.write(`${JSON.stringify({ ...facts, ...more })}\n`);
}

async function end() {
  pause();
  clearInterval(ticking);
  await Promise.all(transports.map((transport) => transport.flush()));
  const finished = loggers.map((logger) => new Promise((resolve) => logger.once('finish', resolve)));
  for (const logger of loggers) logger.end();
  await Promise.all(finished);
  clearInterval(reporting);
  fs.closeSync(accepted);
  report({ ended: true });
  process.disconnect();
}

process.on('message', (command) => {
  if (command === 'log') stretch ??= { sinceMs: performance.now(), logged };
  else if (command === 'pause') pause();
  else if (command === 'end') void end();
  else if (command.levels) levels = command.levels;
  else if (command.service) openLogger({ ...setup.transport, service: command.service });
  else every = command.information;
});
const ticking = setInterval(tick, TICK_MS);
const reporting = setInterval(report, REPORT_MS);
report();
