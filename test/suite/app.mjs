/**
 * An application with an ordinary logger, in a process of its own. It writes the ref of each record to a file when the
 * record is accepted: for Loghive's integrations that is when the logging call has returned. That file, which is
 * independent of Loghive, is the list of accepted records.
 *
 * argv: { name, integration, acceptedFile, calledFile, perSecond, levels, information, options } as JSON. The integration
 * is one of integrations.mjs. `calledFile` gets each ref before its logging call: a signal may end the process in between.
 *
 * IPC commands: 'log', 'pause', 'end', { levels: [...] }, { information: {...} }, { service }: also log as this service
 * from now on, alternating.
 *
 * stderr: a line of JSON every 50 ms, the last one with `ended: true`. stdout is left to the integration.
 */
import fs from 'node:fs';
import { INTEGRATIONS } from './integrations.mjs';

const TICK_MS = 4;
const REPORT_MS = 50;
/** Occasionally a record that is larger than a frame. */
const LARGE_EACH = 1000;
const LARGE_CHARACTERS = 70_000;
/** Of the arguments of a console call at most 64 KiB are kept. */
const LARGE_IN_CONSOLE = 30_000;
/** A late tick catches up, but only so much that it does not stall the application itself. */
const MAX_PER_TICK = 200;

const setup = JSON.parse(process.argv[2]);
const accepted = fs.openSync(setup.acceptedFile, 'a');
const called = fs.openSync(setup.calledFile, 'a');
const noteLength = setup.integration === 'console' ? LARGE_IN_CONSOLE : LARGE_CHARACTERS;
const LARGE = { note: 'x'.repeat(noteLength), noteLength };

/** One logger for each service. Those of one integration share one publisher, and so its counts and status. */
const loggers = [];
async function openLogger(options) {
  loggers.push(await INTEGRATIONS[setup.integration]({ exitTimeoutMs: 8000, ...options }, setup.name));
}
await openLogger(setup.options);

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
  const fields = { ref, n, as: level, customer: `c${n % 977}`, total: n / 4, ...special, ...large };
  fs.writeSync(called, `${ref}\n`);
  loggers[n % loggers.length].log(level, `order ${ref} placed`, fields, () => fs.writeSync(accepted, `${ref}\n`));
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
  const [{ events, stats, status }] = loggers;
  const now = stretch ? performance.now() - stretch.sinceMs : 0;
  const facts = { logged, loggingMs: loggingMs + now, levels, events, stats: stats?.(), status: status?.() };
  process.stderr.write(`${JSON.stringify({ ...facts, ...more })}\n`);
}

async function end() {
  pause();
  clearInterval(ticking);
  await Promise.all(loggers.map((logger) => logger.close()));
  clearInterval(reporting);
  report({ ended: true });
  process.disconnect();
}

process.on('message', (command) => {
  if (command === 'log') stretch ??= { sinceMs: performance.now(), logged };
  else if (command === 'pause') pause();
  else if (command === 'end') void end();
  else if (command.levels) levels = command.levels;
  else if (command.service) void openLogger({ ...setup.options, service: command.service });
  else every = command.information;
});
const ticking = setInterval(tick, TICK_MS);
const reporting = setInterval(report, REPORT_MS);
report();
