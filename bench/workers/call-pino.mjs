/**
 * Loghive and the baseline of `call-pino`: a target in Pino's worker thread, Loghive (argument `loghive`) or a file.
 */
import pino from 'pino';
import { MESSAGE, SERVICE } from '../records.mjs';
import { serveCalls } from './serve-calls.mjs';

const LOGHIVE = { target: 'loghive/pino', options: { service: SERVICE } };
const FILE = { target: 'pino/file', options: { destination: '/dev/null' } };

const logger = pino(pino.transport(process.argv[2] === 'loghive' ? LOGHIVE : FILE));

serveCalls(
  (information) => logger.info(information, MESSAGE),
  () => new Promise((resolve, reject) => logger.flush((error) => (error ? reject(error) : resolve()))),
);
