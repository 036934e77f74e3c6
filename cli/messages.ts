/** What a command says to people: on stderr, as long as anybody reads it, and never in the way of the work. */
import type { Writable } from 'node:stream';
import { printableLines } from '../src/printable.js';
import { counted } from '../src/sentence.js';
import { sleep } from '../src/time/time-limit.js';
import { openOutput } from './output.js';

/** What a reader that stands still is behind by at most, in bytes. The rest is dropped, and counted. */
const MAX_WAITING_BYTES = 256 * 1024;
const LAST_WORDS_MS = 500;

export interface Messages {
  /** Lines as they are, line feed included. Never throws. */
  write(lines: string): void;
  /** One message of `who`, which may quote others: it begins no line but its own. */
  say(who: string, text: string): void;
  /** Calls back once, when whoever read them has gone. Whatever is written after that is dropped. */
  onGone(listener: () => void): void;
  /** At the end: resolves when all of it is written, or when a terminal that stands still has had half a second for it. */
  written(): Promise<void>;
}

export function openMessages(stream: Writable = openOutput(2)): Messages {
  let dropped = 0;
  const gone = new AbortController();
  stream.on('error', () => gone.abort());
  stream.on('drain', () => {
    if (dropped === 0) return;
    const line = `… ${counted(dropped, 'message')} dropped: nobody read them\n`;
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
    say: (who, text) => write(`${who}: ${printableLines(text).trimEnd().replaceAll('\n', '\n    ')}\n`),
    onGone: (listener) => gone.signal.addEventListener('abort', listener, { once: true }),
    async written() {
      const late = AbortSignal.timeout(LAST_WORDS_MS);
      while (stream.writable && stream.writableLength > 0 && !late.aborted) await sleep(5, late);
    },
  };
}
