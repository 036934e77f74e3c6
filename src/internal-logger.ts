/**
 * Loghive's own lines. They go to stderr, never to RabbitMQ: a logger that logs about itself through itself would loop.
 * `LOG_LEVEL` sets the lowest level that is written (default INFO); it is often the application's own, so no value hides
 * ERROR: that records are lost is told in any case. A line begins in lower case, names apart, and ends with a full stop.
 */
import fs from 'node:fs';
import { LEVELS, type Level, parseLevel, severity } from './level.js';
import { printableLines } from './printable.js';
import { asSentence } from './sentence.js';

/** A line before it is made text. */
export interface LogEntry {
  readonly level: Level;
  readonly message: string;
}

export interface InternalLogger {
  setLevel(name: string): void;
  /** The lowest level that is written. */
  readonly level: Level;
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}

/** Takes one line, its line feed included, and what it was made of. Must not throw. */
type LineOutput = (line: string, entry: LogEntry) => void;

let output: LineOutput = (line) => {
  try {
    // Synchronous, so that a line written while the process ends is not cut off.
    fs.writeSync(2, line);
  } catch {
    // stderr is closed or full (EAGAIN on a pipe): there is nowhere left to tell it.
  }
};

/** For a command, which writes to stderr in its own way, and for a thread, which hands its lines to the main thread. */
export function sendInternalLinesTo(other: LineOutput): void {
  output = other;
}

function createInternalLogger(): InternalLogger {
  let lowest = severity('INFO');

  function write(level: Level, message: string): void {
    if (severity(level) < lowest) return;
    // It may quote a broker, a database or a name from elsewhere: none of them begins a line of its own.
    const text = printableLines(asSentence(message)).replaceAll('\n', '\n    ');
    output(`[loghive] ${new Date().toISOString()} ${level} ${text}\n`, { level, message });
  }

  return {
    setLevel(name) {
      lowest = Math.min(severity(parseLevel(name).level), severity('ERROR'));
    },
    get level() {
      return LEVELS.find((level) => severity(level) === lowest) ?? 'ERROR';
    },
    debug: (message) => write('DEBUG', message),
    info: (message) => write('INFO', message),
    warning: (message) => write('WARNING', message),
    error: (message) => write('ERROR', message),
  };
}

export const internalLogger: InternalLogger = createInternalLogger();
