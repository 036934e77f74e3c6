/** Messages to the user on stderr. Writing never blocks the command. */
import type { Writable } from 'node:stream';
import { printableLines } from '../src/printable.js';
import { counted } from '../src/sentence.js';
import { sleep } from '../src/time/time-limit.js';
import { openOutput } from './output.js';

/** Maximum unread output, in bytes. Further messages are dropped and counted. */
const MAX_WAITING_BYTES = 256 * 1024;
const FLUSH_TIMEOUT_MS = 500;

export interface Messages {
  /** Writes lines unchanged; include the line feed. Never throws. */
  write(lines: string): void;
  /**
   * Writes one message with the prefix `who`. Continuation lines are indented, so quoted text cannot imitate another
   * message.
   */
  report(who: string, text: string): void;
  /** Calls the listener once, when the reader has closed the stream. Later output is discarded. */
  onClosed(listener: () => void): void;
  /** Resolves when all output is written, or after 500 ms if the reader does not read. */
  flushed(): Promise<void>;
}

export function openMessages(stream: Writable = openOutput(2)): Messages {
  let dropped = 0;
  const closed = new AbortController();
  stream.on('error', () => closed.abort());
  stream.on('drain', () => {
    if (dropped === 0) return;
    const line = `… ${counted(dropped, 'message')} dropped: not read in time\n`;
    dropped = 0;
    stream.write(line);
  });

  function write(lines: string): void {
    if (!stream.writable) return;
    if (stream.writableLength > MAX_WAITING_BYTES) dropped += 1;
    else stream.write(lines);
  }

  return {
    write,
    report: (who, text) => write(`${who}: ${printableLines(text).trimEnd().replaceAll('\n', '\n    ')}\n`),
    onClosed: (listener) => closed.signal.addEventListener('abort', listener, { once: true }),
    async flushed() {
      const timeout = AbortSignal.timeout(FLUSH_TIMEOUT_MS);
      while (stream.writable && stream.writableLength > 0 && !timeout.aborted) await sleep(5, timeout);
    },
  };
}
