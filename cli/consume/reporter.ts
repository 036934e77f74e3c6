/**
 * Says how a consumer does: on a terminal a line at the bottom that is written over, with the log above it; elsewhere one
 * line a minute, so that the last lines of a log tell the present state.
 */
import type { ConsumerStatus } from '../../consumer/status.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { Messages } from '../messages.js';
import { hasWorked, minuteLine, type Snapshot, statusLine } from './summary.js';

const MINUTE_MS = 60_000;
const REDRAW_MS = 500;
/** The rate on a terminal is that of the last seconds: so many redraws. */
const RATE_OVER = 10;
const CLEAR_LINE = '\r\u001b[K';

export interface Reporter {
  /** What a command writes besides, log lines for example. */
  write(lines: string): void;
  stop(): void;
}

export interface ReporterOptions {
  readonly status: () => ConsumerStatus;
  readonly messages: Messages;
  /** Columns of the terminal; undefined where there is none, or none that can write over a line. */
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
    // Once, when it begins to be idle: a log of a quiet night need not say so a thousand times.
    const worked = hasWorked(before, now) || now.status.state !== 'running';
    if (worked) internalLogger.info(minuteLine(before, now));
    else if (!isIdle) internalLogger.info(`nothing came in the last minute; ${minuteLine(before, now)}`);
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
