/** Publisher confirms of one channel: one acknowledgement for all that was published since the last one. */
import type { Outbox } from './outbox.js';

export class Confirms {
  readonly #outbox: Outbox;
  readonly #channel: number;
  #isOn = false;
  #published = 0;
  #told = 0;

  constructor(outbox: Outbox, channel: number) {
    this.#outbox = outbox;
    this.#channel = channel;
  }

  turnOn(): void {
    this.#isOn = true;
  }

  /** The next message was published; `refused` by a queue, it is not confirmed. */
  published(refused: boolean): void {
    if (!this.#isOn) return;
    if (refused) this.tell();
    this.#published++;
    if (!refused) return;
    this.#told = this.#published;
    this.#outbox.method(this.#channel, 'basic.nack', { deliveryTag: this.#told, multiple: false, requeue: false });
  }

  /** Confirms what is not confirmed yet. */
  tell(): void {
    const count = this.#published - this.#told;
    if (count === 0) return;
    this.#told = this.#published;
    this.#outbox.method(this.#channel, 'basic.ack', { deliveryTag: this.#told, multiple: count > 1 });
  }
}
