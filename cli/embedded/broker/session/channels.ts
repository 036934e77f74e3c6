/** The channels of a connection, by number. */
import { channelError, notAllowed, unexpectedFrame } from '../amqp-error.js';
import { assertChannelFrame, METHOD_FRAME } from '../wire/frame-reader.js';
import { decodeMethod } from '../wire/method-codec.js';
import { METHODS } from '../wire/method-table.js';
import { Channel, type ChannelOptions } from './channel.js';

export class Channels {
  readonly #max: number;
  readonly #options: Omit<ChannelOptions, 'number'>;
  readonly #open = new Map<number, Channel>();
  /** Channels that received a frame since the last confirm. */
  readonly #busy = new Set<Channel>();

  constructor(max: number, options: Omit<ChannelOptions, 'number'>) {
    this.#max = max;
    this.#options = options;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @throws AmqpError if the connection must be closed. */
  frame(type: number, number: number, payload: Buffer): void {
    assertChannelFrame(type, payload);
    const channel = this.#open.get(number);
    if (channel === undefined) {
      this.#openOne(number, type, payload);
      return;
    }
    this.#busy.add(channel);
    channel.frame(type, payload);
    if (!channel.isClosed) return;
    this.#busy.delete(channel);
    this.#open.delete(number);
  }

  #openOne(number: number, type: number, payload: Buffer): void {
    if (type !== METHOD_FRAME) throw unexpectedFrame('expected method frame, got non method frame instead');
    const { name } = decodeMethod(payload);
    if (name !== 'channel.open') {
      const error = channelError("expected 'channel.open'");
      error.at = METHODS[name];
      throw error;
    }
    if (this.#open.size >= this.#max) {
      throw notAllowed(
        `number of channels opened (${this.#open.size}) has reached the negotiated channel_max (${this.#max})`,
      );
    }
    this.#open.set(number, new Channel({ ...this.#options, number }));
  }

  /** Confirms everything published in this turn of the event loop. */
  confirm(): void {
    for (const channel of this.#busy) channel.confirm();
    this.#busy.clear();
  }

  /** The client is reading again. */
  wake(): void {
    for (const channel of this.#open.values()) channel.wake();
  }

  /** The connection has closed. */
  end(): void {
    this.confirm();
    for (const channel of this.#open.values()) channel.end();
    this.#open.clear();
  }
}
