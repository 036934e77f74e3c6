/** Creates integrations, drops them without close(), and prints how many bytes each leaves. Needs --expose-gc. */
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import pino from 'pino';
import winston from 'winston';
import { LoggerClient } from '../dist/esm/src/client.js';
import { patchConsole } from '../dist/esm/transports/console.js';
import { loghivePino } from '../dist/esm/transports/pino.js';
import { LoghiveTransport } from '../dist/esm/transports/winston.js';

const [kind, count] = process.argv.slice(2);
const options = { service: 'shop', url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0, base: null };
const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
const kinds = {
  client: (number) => new LoggerClient(options).info('request', { number }),
  winston: (number) =>
    winston.createLogger({ transports: [new LoghiveTransport(options)] }).info('request', { number }),
  pino: (number) => pino(loghivePino(options)).info({ number }, 'request'),
  // A separate console for each request, because a console keeps all handles of its patches until they are restored.
  console: (number) => {
    const console = new Console(nowhere);
    patchConsole({ ...options, console });
    console.log('request', number);
  },
};

async function used() {
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
  }
  return process.memoryUsage().heapUsed;
}

async function make(integrations) {
  for (let number = 0; number < integrations; number++) {
    kinds[kind](number);
    // As if the integrations belonged to separate requests.
    if (number % 50 === 0) await new Promise(setImmediate);
  }
}

await make(200);
const before = await used();
await make(Number(count));
console.log(Math.round(((await used()) - before) / Number(count)));
process.exit();
