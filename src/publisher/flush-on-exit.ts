/**
 * For Pino's worker targets. Imported once, in the thread that has the logger, it lets Pino flush them when a signal,
 * or a handler that throws, ends the process:
 *
 *     import 'loghive/flush-on-exit';
 *
 * Signals do not reach worker threads, and Pino flushes its workers on `exit`, which Node does not emit in these
 * cases. With this import, the `exit` listeners run on SIGTERM, SIGINT and SIGHUP if the application has no handler,
 * and when a handler of `uncaughtException` throws. Then the process ends with the same exit status as without it.
 *
 * @module loghive/flush-on-exit
 */
import { exitHooks } from './exit.js';

exitHooks().emitExitAlways();
