/**
 * Reports the consumer's progress: on a terminal, a status line below the log; elsewhere, one log line per minute, so
 * that the end of a log file shows the current state.
 */
import type { ConsumerStatus } from '../../consumer/status.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { Messages } from '../messages.js';
import { hasWorked, minuteLine, type Snapshot, statusLine } from './summary.js';

const MINUTE_MS = 60_000;
const REDRAW_MS = 500;
/** The status line shows the rate over this number of redraws. */
const RATE_OVER = 10;
const CLEAR_LINE = '\r\u001b[K';

export interface Reporter {
  /** Writes other output, such as log lines, above the status line. */
  write(lines: string): void;
  stop(): void;
}

export interface ReporterOptions {
  readonly status: () => ConsumerStatus;
  readonly messages: Messages;
  /** Width of the terminal; undefined if there is no terminal, or it cannot overwrite a line. */
  readonly columns: (() => number) | undefined;
}

export function startReporter(options: ReporterOptions): Reporter {
  return options.columns === undefined ? perMinute(options) : onTerminal(options, options.columns);
}

function perMinute({ status, messages }: ReporterOptions): Reporter {
  let before = snapshotOf(status);
  let isIdle = false;
  const timer = setInterval(() => {
    const now = snapshotOf(status);
    // Report idleness once, so that a quiet night does not fill the log.
    const worked = hasWorked(before, now) || now.status.state !== 'running';
    if (worked) internalLogger.info(minuteLine(before, now));
    else if (!isIdle) internalLogger.info(`idle for the last minute; ${minuteLine(before, now)}`);
    isIdle = !worked;
    before = now;
  }, MINUTE_MS).unref();
  return { write: messages.write, stop: () => clearInterval(timer) };
}

function onTerminal({ status, messages }: ReporterOptions, columns: () => number): Reporter {
  const snapshots = [snapshotOf(status)];
  let line = '';
  function redraw(): void {
    snapshots.push(snapshotOf(status));
    if (snapshots.length > RATE_OVER) snapshots.shift();
    line = statusLine(snapshots[0]!, snapshots.at(-1)!, columns());
    messages.write(`${CLEAR_LINE}${line}`);
  }
  const timer = setInterval(redraw, REDRAW_MS).unref();
  return {
    write: (lines) => messages.write(line === '' ? lines : `${CLEAR_LINE}${lines}${line}`),
    stop() {
      clearInterval(timer);
      if (line !== '') messages.write(CLEAR_LINE);
      line = '';
    },
  };
}

function snapshotOf(status: () => ConsumerStatus): Snapshot {
  return { atMs: performance.now(), status: status() };
}
