/** Publisher confirms of one channel. Messages published since the last confirm share one ack. */
import type { Outbox } from './outbox.js';

export class Confirms {
  readonly #outbox: Outbox;
  readonly #channel: number;
  #isOn = false;
  #published = 0;
  #confirmed = 0;

  constructor(outbox: Outbox, channel: number) {
    this.#outbox = outbox;
    this.#channel = channel;
  }

  turnOn(): void {
    this.#isOn = true;
  }

  /** Counts the next published message. If a queue `refused` it, it is nacked. */
  published(refused: boolean): void {
    if (!this.#isOn) return;
    if (refused) this.flush();
    this.#published++;
    if (!refused) return;
    this.#confirmed = this.#published;
    this.#outbox.method(this.#channel, 'basic.nack', { deliveryTag: this.#confirmed, multiple: false, requeue: false });
  }

  /** Confirms all unconfirmed messages. */
  flush(): void {
    const count = this.#published - this.#confirmed;
    if (count === 0) return;
    this.#confirmed = this.#published;
    this.#outbox.method(this.#channel, 'basic.ack', { deliveryTag: this.#confirmed, multiple: count > 1 });
  }
}
