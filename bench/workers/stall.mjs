/** An application that logs at a steady rate and measures its event loop delays. Controlled by ../stall.mjs. */

import { setTimeout } from 'node:timers/promises';
import { LoghiveTransport } from 'loghive/winston';
import winston from 'winston';
import { informationOf, MESSAGE } from '../records.mjs';
import { watchLoop } from './loop-delay.mjs';

const [url, queueType, service, fullService] = process.argv.slice(2);
const EVERY_MS = 10;
const RECORDS_EACH = 20;

const transports = new Map(
  [service, fullService].map((name) => [
    name,
    new LoghiveTransport({ url, queueType, service: name, exitTimeoutMs: 0 }),
  ]),
);
const loggers = new Map([...transports].map(([name, each]) => [name, winston.createLogger({ transports: [each] })]));
let to = service;
const numbers = new Map([...transports.keys()].map((name) => [name, 0]));
setInterval(() => {
  const first = numbers.get(to);
  for (let n = first; n < first + RECORDS_EACH; n++) loggers.get(to).info(MESSAGE, informationOf(n));
  numbers.set(to, first + RECORDS_EACH);
}, EVERY_MS);

let loop;
const answers = {
  measure() {
    loop = watchLoop();
  },
  result: () => loop.end(),
  logTo: (name) => {
    to = name;
  },
  stats: () => ({ ...transports.get(service).stats(), waiting: waitingOf(service), logged: numbers.get(service) }),
  /** A flush would also wait for the records that the full queue rejects. */
  async end() {
    while (waitingOf(service) > 0) await setTimeout(10);
    return numbers.get(service);
  },
};

function waitingOf(name) {
  const { lanes } = transports.get(name).status();
  return lanes.find((lane) => lane.service === name)?.waiting ?? 0;
}

process.on('message', async ({ ask, argument }) => {
  if (ask === 'quit') process.exit();
  process.send({ answer: (await answers[ask](argument)) ?? null });
});
process.send({ ready: true });
