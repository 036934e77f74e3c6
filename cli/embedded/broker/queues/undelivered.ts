/**
 * Dead letters that no queue accepted: unroutable, or the target is full. A queue with at-least-once dead-lettering
 * keeps and retries them.
 */
import type { DeathReason } from './dead-letter.js';
import type { Message } from './message.js';

export interface DeadLetter {
  readonly message: Message;
  readonly reason: DeathReason;
}

const RETRY_MS = 1000;

export class Undelivered {
  readonly #again: (letter: DeadLetter) => void;
  #letters: DeadLetter[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param again retries a dead letter; if that fails, it keeps the dead letter again. */
  constructor(again: (letter: DeadLetter) => void) {
    this.#again = again;
  }

  get count(): number {
    return this.#letters.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  keep(letter: DeadLetter): void {
    this.#letters.push(letter);
    this.#bytes += letter.message.body.length;
    this.#timer ??= setTimeout(() => this.#retry(), RETRY_MS).unref();
  }

  #retry(): void {
    for (const letter of this.takeAll()) this.#again(letter);
  }

  takeAll(): DeadLetter[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const letters = this.#letters;
    this.#letters = [];
    this.#bytes = 0;
    return letters;
  }
}
