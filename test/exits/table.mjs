/** The rows and columns of the suite: which integration logs, what ends the process, and what the broker does. */
import { readdirSync } from 'node:fs';

export const INTEGRATIONS = ['winston', 'pino-target', 'pino-in-process', 'console', 'register', 'client'];
/** Winston's own handling of exceptions, which ends the process itself. */
const WITH_EXCEPTIONS = 'winston-exceptions';
const EXITS = ['exit', 'exception', 'rejection', 'rethrow'];
export const ENDS = [
  'script',
  'close',
  ...EXITS,
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'second-signal',
  'express',
  'polite',
  'raise',
  'signal-exit',
];

/**
 * `down`: unreachable until the process has ended. `stopped`: it stops answering while the process is connected, and
 * continues after its end. `full`: the queue refuses every record until the process has ended. `unspooled`: as `down`,
 * for a process without a spool, which counts what it loses.
 */
export const STATES = ['up', 'down', 'stopped', 'full', 'unspooled'];

const cell = (integration, end, place, broker) => ({
  name: [integration, end, ...(place === 'main' ? [] : [place]), ...(broker === 'up' ? [] : [broker])].join(' '),
  integration,
  end,
  place,
  broker,
});

export const CELLS = STATES.flatMap((broker) => [
  ...INTEGRATIONS.flatMap((integration) => ENDS.map((end) => cell(integration, end, 'main', broker))),
  ...EXITS.slice(1).map((end) => cell(WITH_EXCEPTIONS, end, 'main', broker)),
  ...['thread', 'cluster'].flatMap((place) =>
    INTEGRATIONS.flatMap((integration) => EXITS.map((end) => cell(integration, end, place, broker))),
  ),
  // `--import loghive/console/register` acts on the main thread only.
]).filter(({ integration, place }) => integration !== 'register' || place !== 'thread');

/** With a broker: each way to end with each integration, and one way for each integration in the other places. */
export const WITH_BROKER = CELLS.filter(({ broker }) => broker === 'up').filter(
  ({ place, integration, end }) => place === 'main' || end === EXITS[INTEGRATIONS.indexOf(integration) % EXITS.length],
);

/** Each way to end in two of the states without a usable broker, with the integrations in turn. */
export const WITHOUT_BROKER = STATES.slice(1).flatMap((broker, turn) =>
  ENDS.filter((_, number) => number % 2 === turn % 2).map((end, number) =>
    cell(INTEGRATIONS[(number + 2 * turn) % INTEGRATIONS.length], end, 'main', broker),
  ),
);

/** Exits and exceptions are also tested on other versions of Node. */
export const isForEachNode = ({ end, broker }) => EXITS.includes(end) && ['up', 'down'].includes(broker);

/** The logged texts: the first when the process starts, the others immediately before it ends. */
export const TEXTS = Array.from({ length: 12 }, (_, number) => `record ${number}`);

/** Names of the files in a folder and those below it. */
export function filesIn(folder) {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  } catch (error) {
    // A folder may be missing.
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}
