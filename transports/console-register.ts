/**
 * `node --import loghive/console/register app.js`, or `-r`: patches the console before the application starts, with
 * settings from the environment. Does nothing in worker threads, whose output does not go through this console.
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
    // Wrong settings of the logging must not stop the application.
    internalLogger.error(`the console is not recorded: ${reasonOf(error)}`);
  }
}
