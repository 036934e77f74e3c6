/** One channel of a peer: calls and their replies, messages, confirms. */
import { createHash } from 'node:crypto';
import type { Arguments } from './methods.js';
import { describe, type Properties, type ReceivedMethod, shownArguments } from './received-method.js';

export interface Publishing {
  /** Raw bytes: flags and values, valid or not. */
  properties?: Properties;
  mandatory?: boolean;
  immediate?: boolean;
}

/** The connection of a channel. */
export interface Carrier {
  readonly received: ReceivedMethod[];
  readonly ended: boolean;
  readonly answersClose: boolean;
  record(where: number, line: string): void;
  send(channel: number, method: string, args?: Arguments): void;
  content(channel: number, body: Buffer, properties: Properties): void;
  until<T>(look: () => T | undefined, what: string): Promise<T>;
}

/** Methods that the server sends on its own, not as a reply. */
const UNASKED = new Set([
  'basic.deliver',
  'basic.return',
  'basic.ack',
  'basic.nack',
  'basic.cancel',
  'channel.flow',
  'channel.close',
]);

export class PeerChannel<Connection extends Carrier = Carrier> {
  readonly peer: Connection;
  readonly number: number;
  /** Everything received on this channel, in order. */
  readonly received: ReceivedMethod[] = [];
  /** Whether the server's acks and nacks are logged individually; otherwise confirmed() summarizes them. */
  recordsConfirms = false;
  /** Whether properties stay raw bytes, for invalid properties or exact comparison. */
  keepsBytes = false;
  readonly #silent = new Set<number>();
  readonly #taken = new Set<ReceivedMethod>();
  readonly #acked = new Set<number>();
  readonly #nacked = new Set<number>();
  #asked = 0;
  #answers: ReceivedMethod[] = [];
  #closed: ReceivedMethod | undefined;
  #incoming: { received: ReceivedMethod; bodySize: number; parts: Buffer[] } | undefined;

  constructor(peer: Connection, number: number) {
    this.peer = peer;
    this.number = number;
  }

  /** Sends a method without a reply. */
  send = (method: string, args: Arguments = {}): void => {
    this.peer.record(this.number, `> ${method} ${shownArguments(args)}`);
    this.peer.send(this.number, method, args);
  };

  /** Sends a method and returns its reply, or the close that came instead (then `undefined` for a lost connection). */
  call = async (method: string, args: Arguments = {}, { silent = false } = {}): Promise<ReceivedMethod | undefined> => {
    if (this.#closed && this.peer.answersClose) throw new Error(`channel ${this.number} is closed: no ${method}`);
    const at = this.#asked;
    this.#asked += 1;
    if (silent) this.#silent.add(at);
    else this.peer.record(this.number, `> ${method} ${shownArguments(args)}`);
    this.peer.send(this.number, method, args);
    return this.#orEnd(() => this.#answers[at], `the answer to ${method}`);
  };

  publish = (exchange: string, routingKey: string, body: string | Buffer = '', publishing: Publishing = {}): void => {
    const { properties = {}, ...flags } = publishing;
    const message = { properties, body: Buffer.from(body as string) };
    this.peer.record(
      this.number,
      `> ${describe({ method: 'basic.publish', args: { exchange, routingKey, ...flags }, message })}`,
    );
    this.peer.send(this.number, 'basic.publish', { exchange, routingKey, ...flags });
    this.peer.content(this.number, message.body, properties);
  };

  /** Waits for this many more of a method and returns them in order. Fewer if the channel closes before. */
  receive = async (method: string, count = 1): Promise<ReceivedMethod[]> => {
    const left = () => this.received.filter((received) => received.method === method && !this.#taken.has(received));
    await this.#orEnd(() => (left().length >= count ? left()[count - 1] : undefined), `${count} of ${method}`);
    const taken = left().slice(0, count);
    for (const received of taken) this.#taken.add(received);
    return taken;
  };

  /** Waits until `count` messages published here are confirmed, and reports the outcome in one line. */
  confirmed = async (count: number): Promise<void> => {
    const enough = () => this.#acked.size + this.#nacked.size >= count || undefined;
    await this.#orEnd(() => enough() && this.received[0], `${count} confirms`);
    const list = (tags: Set<number>) => [...tags].sort((a, b) => a - b).join(' ');
    const line = `acked: ${list(this.#acked) || 'none'}; nacked: ${list(this.#nacked) || 'none'}`;
    this.peer.record(this.number, `= ${line}`);
  };

  /** Waits for the server's close of this channel or of the connection. */
  closed = async (): Promise<void> => {
    await this.#orEnd(() => undefined, 'a close');
  };

  /** Gets all messages of a queue, without acknowledging, until it is empty. */
  drain = async (queue: string): Promise<void> => {
    for (;;) {
      const answer = await this.call('basic.get', { queue, noAck: true });
      if (answer?.method !== 'basic.get-ok') return;
    }
  };

  /**
   * When this resolves, everything that the queue had to send for previous actions on this channel has arrived. Not in
   * the transcript.
   */
  settled = async (queue: string): Promise<void> => {
    // The queue answers the first after its deliveries; the channel processes the second after them.
    for (let round = 0; round < 2; round += 1) {
      await this.call('queue.declare', { queue, passive: true }, { silent: true });
    }
  };

  method(received: ReceivedMethod): void {
    if (['basic.deliver', 'basic.return', 'basic.get-ok'].includes(received.method)) {
      if (this.#incoming) throw new Error(`${received.method} came within a message`);
      this.#incoming = { received, bodySize: 0, parts: [] };
      return;
    }
    if (this.#incoming) throw new Error(`${received.method} came within a message`);
    this.#receive(received);
  }

  header({ bodySize, properties }: { bodySize: number; properties: Properties }): void {
    if (!this.#incoming) throw new Error('a content header came without a method before it');
    this.#incoming.received.message = { properties, body: Buffer.alloc(0) };
    this.#incoming.bodySize = bodySize;
    this.#completed();
  }

  body(part: Buffer): void {
    if (!this.#incoming?.received.message) throw new Error('a body came without a content header before it');
    this.#incoming.parts.push(part);
    this.#completed();
  }

  #completed(): void {
    const { received, bodySize, parts } = this.#incoming!;
    const body = Buffer.concat(parts);
    if (body.length < bodySize) return;
    if (body.length > bodySize) throw new Error(`a body of ${body.length} bytes where ${bodySize} were announced`);
    this.#incoming = undefined;
    received.message!.body = body;
    this.#receive(received);
    if (parts.length > 1) {
      const digest = createHash('sha1').update(body).digest('hex').slice(0, 12);
      this.peer.record(this.number, `= body in frames of ${parts.map((part) => part.length).join(' ')}, ${digest}`);
    }
  }

  #receive(received: ReceivedMethod): void {
    this.received.push(received);
    const tag = Number(received.args.deliveryTag);
    if (received.method === 'basic.ack') this.#confirm(this.#acked, tag, received);
    else if (received.method === 'basic.nack') this.#confirm(this.#nacked, tag, received);
    else if (UNASKED.has(received.method) || !this.#silent.has(this.#answers.length)) this.#record(received);
    if (!UNASKED.has(received.method)) this.#answers.push(received);
    if (received.method !== 'channel.close') return;
    this.#closed = received;
    if (this.peer.answersClose) this.peer.send(this.number, 'channel.close-ok');
  }

  #confirm(into: Set<number>, tag: number, received: ReceivedMethod): void {
    if (this.recordsConfirms) this.#record(received);
    if (received.args.multiple !== true) into.add(tag);
    else
      for (let each = 1; each <= tag; each += 1) if (!this.#acked.has(each) && !this.#nacked.has(each)) into.add(each);
  }

  #record(received: ReceivedMethod): void {
    this.peer.record(this.number, `< ${describe(received)}`);
  }

  /** Resolves with `look`, or with the close of the channel or the connection, whichever comes first. */
  async #orEnd(look: () => ReceivedMethod | undefined, what: string): Promise<ReceivedMethod | undefined> {
    const lost = { method: 'the end', args: {} };
    const gone = () =>
      this.peer.received.find(({ method }) => method === 'connection.close') ?? (this.peer.ended && lost);
    const found = await this.peer.until(() => look() ?? this.#closed ?? (gone() || undefined), what);
    return found === lost ? undefined : found;
  }
}
