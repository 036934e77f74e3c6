/** A bar on the terminal for work that takes long. Nothing at all where stderr is no terminal. */
import type { Messages } from './messages.js';

export interface Progress {
  /** How much is done by now. */
  at(done: number): void;
  /** Takes the bar away. */
  end(): void;
}

const EVERY_MS = 100;
const WIDTH = 24;
const NONE: Progress = { at() {}, end() {} };

/** @param what `replaying` */
export function openProgress(
  what: string,
  total: number,
  messages: Pick<Messages, 'write'>,
  isTerminal = process.stderr.isTTY === true,
): Progress {
  if (!isTerminal || total === 0) return NONE;
  let shownAtMs = Number.NEGATIVE_INFINITY;
  let shown = false;
  return {
    at(done) {
      if (performance.now() - shownAtMs < EVERY_MS && done < total) return;
      shownAtMs = performance.now();
      shown = true;
      messages.write(`\r${bar(what, done, total)}\x1b[K`);
    },
    end() {
      if (shown) messages.write('\r\x1b[K');
    },
  };
}

/** `replaying [######------]  50%  500 of 1000`. Pure. */
export function bar(what: string, done: number, total: number): string {
  const share = Math.min(1, done / total);
  const full = Math.floor(share * WIDTH);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return `${what} [${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${percent}  ${done} of ${total}`;
}
