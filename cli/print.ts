/** What a command answers on stdout. Whoever reads it sets the pace, and may leave. */
import type { Writable } from 'node:stream';
import { printableJson } from '../src/printable.js';
import { openStdout } from './output.js';

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
