/**
 * `node --import loghive/console/register app.js`, or `-r`: the console is patched before the application begins, with
 * settings from the environment. In worker threads it does nothing: what they print does not go through this console.
 *
 * @module loghive/console/register
 */
import { isMainThread } from 'node:worker_threads';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { patchConsole } from './console.js';

if (isMainThread) {
  try {
    patchConsole();
  } catch (error) {
    // An application must not fail because its logging is set up wrongly.
    internalLogger.error(`the console is not recorded: ${reasonOf(error)}`);
  }
}
