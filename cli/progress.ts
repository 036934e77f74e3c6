/** A progress bar, or a count, on the terminal. Does nothing unless stderr is a terminal that can overwrite a line. */
import { openEnvironment } from '../src/config.js';
import type { Messages } from './messages.js';
import { supportsEscapes } from './output.js';

export interface Progress {
  /**
   * Updates how much is done.
   *
   * @param text shown behind the bar. Default: `500 of 1000`.
   */
  at(done: number, text?: string): void;
  /** Removes the bar. */
  end(): void;
}

const EVERY_MS = 100;
const WIDTH = 24;
const NONE: Progress = { at() {}, end() {} };

/**
 * @param what for example `replaying`.
 * @param total undefined if it is not known: then the number alone is shown.
 */
export function openProgress(
  what: string,
  total: number | undefined,
  messages: Pick<Messages, 'write'>,
  isTerminal = supportsEscapes(process.stderr, openEnvironment()('TERM')?.text),
): Progress {
  if (!isTerminal || total === 0) return NONE;
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  let drawn = false;
  return {
    at(done, text) {
      if (performance.now() - drawnAtMs < EVERY_MS && (total === undefined || done < total)) return;
      drawnAtMs = performance.now();
      drawn = true;
      messages.write(`\r${total === undefined ? `${what}: ${done}` : bar(what, done, total, text)}\x1b[K`);
    },
    end() {
      if (drawn) messages.write('\r\x1b[K');
    },
  };
}

/** `replaying [######------]  50%  500 of 1000`. Pure. */
export function bar(what: string, done: number, total: number, text = `${done} of ${total}`): string {
  const share = Math.min(1, done / total);
  const full = Math.floor(share * WIDTH);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return `${what} [${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${percent}  ${text}`;
}
