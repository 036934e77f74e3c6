/**
 * Loghive and the baseline of `call-console`: `console.info`, patched (argument `loghive`) or not. Its stdout is
 * /dev/null (see environment.mjs).
 */
import { patchConsole } from 'loghive/console';
import { MESSAGE, SERVICE } from '../records.mjs';
import { serveCalls } from './serve-calls.mjs';

const patched = process.argv[2] === 'loghive' ? patchConsole({ service: SERVICE }) : undefined;

serveCalls(
  (information) => console.info(MESSAGE, information),
  async () => patched?.flush(),
);
