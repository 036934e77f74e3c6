/**
 * Loghive, the baseline and the peers of `call-winston`: the same logger, with the transport that the first argument
 * names. The second one is the URL that a peer sends its records to.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Logtail } from '@logtail/node';
import { LogtailTransport } from '@logtail/winston';
import { LoghiveTransport } from 'loghive/winston';
import winston from 'winston';
import Transport from 'winston-transport';
import { MESSAGE, SERVICE } from '../records.mjs';
import { serveCalls } from './serve-calls.mjs';

const [name, url] = process.argv.slice(2);

class Stringify extends Transport {
  lines = [];

  log(info, next) {
    this.lines.push(JSON.stringify(info));
    next();
  }
}

/** Each returns the transport and what waits until it has processed everything. */
const TRANSPORTS = {
  loghive() {
    const transport = new LoghiveTransport({ service: SERVICE });
    return { transport, flush: () => transport.flush() };
  },
  baseline() {
    const transport = new Stringify();
    return {
      transport,
      async flush() {
        transport.lines = [];
      },
    };
  },
  'winston File': () => untilLogged(new winston.transports.File({ filename: 'winston.log' })),
  /** Its stdout is /dev/null (see environment.mjs). */
  'winston Console': () => untilLogged(new winston.transports.Console()),
  '@logtail/winston'() {
    // By default it drops what exceeds 10,000 records in 5 s.
    const logtail = new Logtail('token', { endpoint: url, burstProtectionMax: 0, throwExceptions: true });
    const transport = new LogtailTransport(logtail);
    return {
      transport,
      async flush() {
        await logtail.flush();
        while (logtail.synced < logged) await pause(1);
      },
    };
  },
};

let logged = 0;

/** Winston's own transports emit `logged` for each record that they have written. */
function untilLogged(transport) {
  let written = 0;
  transport.on('logged', () => written++);
  return {
    transport,
    async flush() {
      while (written < logged) await pause(1);
    },
  };
}

const { transport, flush } = TRANSPORTS[name]();
const logger = winston.createLogger({ transports: [transport] });

serveCalls((information) => {
  logger.info(MESSAGE, information);
  logged++;
}, flush);
