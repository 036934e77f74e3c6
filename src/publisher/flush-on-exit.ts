/**
 * For Pino's worker targets. Imported once, in the thread that has the logger, it lets Pino flush them when a signal or a
 * handler that throws ends the process:
 *
 *     import 'loghive/flush-on-exit';
 *
 * Signals reach no worker thread, and Pino flushes its workers at `exit`, which Node then does not emit. On SIGTERM, SIGINT
 * and SIGHUP without a handler of the application's own, and when a handler of `uncaughtException` throws, the listeners of
 * `exit` run, then the process ends as it would have.
 *
 * @module loghive/flush-on-exit
 */
import { exitHooks } from './exit.js';

exitHooks().emitExitAlways();
