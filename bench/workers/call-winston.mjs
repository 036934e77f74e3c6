/**
 * Loghive and the baseline of `call-winston`: the same logger, with LoghiveTransport (argument `loghive`) or with a
 * transport that only stringifies.
 */
import { LoghiveTransport } from 'loghive/winston';
import winston from 'winston';
import Transport from 'winston-transport';
import { MESSAGE, SERVICE } from '../records.mjs';
import { serveCalls } from './serve-calls.mjs';

class Stringify extends Transport {
  lines = [];

  log(info, next) {
    this.lines.push(JSON.stringify(info));
    next();
  }

  async flush() {
    this.lines = [];
  }
}

const transport = process.argv[2] === 'loghive' ? new LoghiveTransport({ service: SERVICE }) : new Stringify();
const logger = winston.createLogger({ transports: [transport] });

serveCalls(
  (information) => logger.info(MESSAGE, information),
  () => transport.flush(),
);
