/**
 * The workers of `call-redact…`: a Winston logger with LoghiveTransport, with `redact: 'http'` (argument `loghive`) or
 * without.
 */
import { LoghiveTransport } from 'loghive/winston';
import winston from 'winston';
import { MESSAGE, OTHER_SERVICE, SERVICE } from '../records.mjs';
import { serveCalls } from './serve-calls.mjs';

/** @param fields creates the logged fields from those of a record */
export function serveRedact(fields) {
  const options = process.argv[2] === 'loghive' ? { service: SERVICE, redact: 'http' } : { service: OTHER_SERVICE };
  const transport = new LoghiveTransport(options);
  const logger = winston.createLogger({ transports: [transport] });
  serveCalls(
    (information) => logger.info(MESSAGE, fields(information)),
    () => transport.flush(),
  );
}
