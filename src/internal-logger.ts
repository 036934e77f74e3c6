/**
 * Loghive's own log lines. They go to stderr (or to `onDiagnostic`), never to RabbitMQ: a logger that logs about itself
 * through itself would loop. `LOGHIVE_LOG_LEVEL` sets the lowest level that is written (default INFO). No value hides
 * ERROR: a loss of records is always reported. A line begins in lower case, except for names, and ends with a full
 * stop.
 */
import fs from 'node:fs';
import { LEVELS, type Level, parseLevel, severity } from './level.js';
import { printableLines } from './printable.js';
import { asSentence } from './sentence.js';

/** A line before it is formatted. */
export interface LogEntry {
  readonly level: Level;
  readonly message: string;
}

export interface InternalLogger {
  /** Sets the lowest level that is written, for all lines of Loghive in this process. */
  setLevel(name: string): void;
  /** The lowest level that is written. */
  readonly level: Level;
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}

/** Receives one line without its line feed. */
export type OnDiagnostic = (line: string) => void;

/** Receives one line, including its line feed, and the entry that it was made from. Must not throw. */
type LineOutput = (line: string, entry: LogEntry) => void;

let output: LineOutput = (line) => {
  try {
    // Synchronous, so that a line written while the process ends is not cut off.
    fs.writeSync(2, line);
  } catch {
    // stderr is closed or full (EAGAIN on a pipe): there is nowhere left to report it.
  }
};
let lowest = severity('INFO');
let isCallingBack = false;
let wrapCallback = (call: () => void) => call();

/** For a command, which writes to stderr in its own way, and for a thread, which hands its lines to the main thread. */
export function sendInternalLinesTo(other: LineOutput): void {
  output = other;
}

/** Every call of an `onDiagnostic` function runs inside `wrap`. */
export function wrapDiagnostics(wrap: (call: () => void) => void): void {
  wrapCallback = wrap;
}

/** Lines that are written while `work` runs go to `onDiagnostic`. */
export function withDiagnosticsTo<T>(onDiagnostic: OnDiagnostic | undefined, work: () => T): T {
  if (!onDiagnostic) return work();
  const before = output;
  output = callbackOutput(onDiagnostic, before);
  try {
    return work();
  } finally {
    output = before;
  }
}

/** A logger that writes to `onDiagnostic`, or to stderr without one. */
export function diagnosticLogger(onDiagnostic: OnDiagnostic | undefined): InternalLogger {
  if (!onDiagnostic) return internalLogger;
  return createLogger(callbackOutput(onDiagnostic, (line, entry) => output(line, entry)));
}

/** @param fallback receives the line if the callback throws, or if it caused the line itself. */
function callbackOutput(onDiagnostic: OnDiagnostic, fallback: LineOutput): LineOutput {
  return (line, entry) => {
    if (isCallingBack) return fallback(line, entry);
    isCallingBack = true;
    try {
      wrapCallback(() => {
        const result: unknown = onDiagnostic(line.trimEnd());
        // An async function: its rejection must not end the application.
        if (result instanceof Promise) result.catch(() => fallback(line, entry));
      });
    } catch {
      fallback(line, entry);
    } finally {
      isCallingBack = false;
    }
  };
}

function createLogger(write: LineOutput): InternalLogger {
  function log(level: Level, message: string): void {
    if (severity(level) < lowest) return;
    // The text may quote a broker, a database or a user-defined name. None of them may begin a line of its own.
    const text = printableLines(asSentence(message)).replaceAll('\n', '\n    ');
    write(`[loghive] ${new Date().toISOString()} ${level} ${text}\n`, { level, message });
  }

  return {
    setLevel(name) {
      lowest = Math.min(severity(parseLevel(name).level), severity('ERROR'));
    },
    get level() {
      return LEVELS.find((level) => severity(level) === lowest) ?? 'ERROR';
    },
    debug: (message) => log('DEBUG', message),
    info: (message) => log('INFO', message),
    warning: (message) => log('WARNING', message),
    error: (message) => log('ERROR', message),
  };
}

export const internalLogger: InternalLogger = createLogger((line, entry) => output(line, entry));
