/**
 * Writable stream for stdout or stderr that never blocks the command. If a terminal is suspended (Ctrl-S, a stalled
 * connection) or a pipe is full, output is buffered and retried while the process keeps working.
 *
 * Node's own streams write to a terminal synchronously: Ctrl-S would stop the development broker, and with it every
 * connected application.
 */
import fs from 'node:fs';
import { Writable } from 'node:stream';
import tty from 'node:tty';
import { printableJson } from '../src/printable.js';
import type { Environment } from '../src/settings/option.js';

const RETRY_MS = 20;
const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fs.constants;

/**
 * Stdout for command output. Only terminals need the non-blocking stream; Node's own stream is asynchronous for pipes.
 */
export function openStdout(): Writable {
  return process.stdout.isTTY ? openOutput(1) : process.stdout;
}

/** Whether the terminal understands escape sequences, such as colors and "erase line". */
export function supportsEscapes(stream: { readonly isTTY?: boolean }, term: string | undefined): boolean {
  return stream.isTTY === true && term !== 'dumb';
}

/**
 * Whether to use colors: only on a terminal, and not if NO_COLOR is set. FORCE_COLOR overrides both: 0 or false turns
 * colors off, any other text turns them on.
 */
export function usesColor(stream: { readonly isTTY?: boolean }, environment: Environment): boolean {
  const forced = environment('FORCE_COLOR')?.text;
  if (forced) return !['0', 'false'].includes(forced.toLowerCase());
  return supportsEscapes(stream, environment('TERM')?.text) && !environment('NO_COLOR')?.text;
}

/** The stream emits an error when its reader has gone. */
export function openOutput(fd: 1 | 2): Writable {
  const target = nonBlocking(fd);
  return new Writable({
    write(bytes: Buffer, _encoding, done) {
      attempt(target, bytes, 0, done);
    },
  });
}

function attempt(fd: number, bytes: Buffer, from: number, done: (error?: Error) => void): void {
  let next = from;
  try {
    next += fs.writeSync(fd, bytes, from);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
      done(error as Error);
      return;
    }
  }
  if (next === bytes.length) done();
  else setTimeout(attempt, RETRY_MS, fd, bytes, next, done);
}

/**
 * Reopens the terminal or pipe in non-blocking mode. The flag must not be set on the inherited descriptor: other
 * processes share it, such as the user's shell, which expects blocking writes.
 */
function nonBlocking(fd: number): number {
  try {
    if (!tty.isatty(fd) && !fs.fstatSync(fd).isFIFO()) return fd;
    return fs.openSync(`/dev/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    // The file belongs to another user, has no reader, or the system has no /dev/fd.
    return fd;
  }
}

// Command output on stdout, with backpressure. The reader may close the stream.

export interface Printer {
  /** Writes text. Resolves to true when there is room for more, to false when the reader has gone. */
  write(text: string): Promise<boolean>;
  /** Writes one line, with the same result. */
  line(text: string): Promise<boolean>;
  /** Writes a value as JSON on one line, with terminal control characters escaped. */
  json(value: unknown): Promise<boolean>;
}

/** @param signal ends the wait for a slow reader. */
export function openPrinter(stream: Writable = openStdout(), signal?: AbortSignal): Printer {
  // A closed reader is not an error; `write` reports it.
  stream.on('error', () => {});

  async function write(text: string): Promise<boolean> {
    if (!stream.writable) return false;
    if (!stream.write(text)) await whenWritable(stream, signal);
    return stream.writable;
  }

  const line = (text: string) => write(`${text}\n`);
  return { write, line, json: (value) => line(printableJson(JSON.stringify(value))) };
}

const EVENTS = ['drain', 'close', 'error'] as const;

/** Resolves when the stream has room for more, its reader has gone, or the signal is aborted. */
export function whenWritable(stream: Writable, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of EVENTS) stream.removeListener(event, done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    for (const event of EVENTS) stream.once(event, done);
    signal?.addEventListener('abort', done);
    if (signal?.aborted) done();
  });
}
