/**
 * An output of a command, stdout or stderr, that never holds the command up. A terminal that stands still (Ctrl-S, a
 * connection that hangs) or a pipe that is full takes what is written when it can again; the process works on meanwhile.
 *
 * Node's own streams write to a terminal synchronously, so that Ctrl-S would stop a broker, and with it every application
 * that is connected.
 */
import fs from 'node:fs';
import { Writable } from 'node:stream';
import tty from 'node:tty';
import { printableJson } from '../src/printable.js';

const RETRY_MS = 20;
const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fs.constants;

/** Stdout for what a command passes on or shows: only a terminal needs it, Node's own stream waits for the others by itself. */
export function openStdout(): Writable {
  return process.stdout.isTTY ? openOutput(1) : process.stdout;
}

/** The stream fails when whoever read it has gone. */
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
 * The same terminal or pipe, opened anew: the flag of the one that is there is shared with every process that has it, the
 * user's shell among them, which must go on to wait.
 */
function nonBlocking(fd: number): number {
  try {
    if (!tty.isatty(fd) && !fs.fstatSync(fd).isFIFO()) return fd;
    return fs.openSync(`/dev/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    // It belongs to another user, nobody reads it any more, or the system does not have such names.
    return fd;
  }
}

// What a command answers on stdout. Whoever reads it sets the pace, and may leave.

export interface Printer {
  /** One line. Resolves when there is room for the next one; to false when nobody reads any more. */
  line(text: string): Promise<boolean>;
  /** A value as JSON on one line, nothing in it left that could steer a terminal. */
  json(value: unknown): Promise<boolean>;
}

export function openPrinter(stream: Writable = openStdout()): Printer {
  // Gone is no failure; whoever prints is told.
  stream.on('error', () => {});

  async function line(text: string): Promise<boolean> {
    if (!stream.writable) return false;
    if (!stream.write(`${text}\n`)) {
      await new Promise<void>((resolve) => {
        const done = () => {
          for (const event of EVENTS) stream.removeListener(event, done);
          resolve();
        };
        for (const event of EVENTS) stream.once(event, done);
      });
    }
    return stream.writable;
  }

  return { line, json: (value) => line(printableJson(JSON.stringify(value))) };
}

const EVENTS = ['drain', 'close', 'error'] as const;
