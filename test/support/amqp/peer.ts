/**
 * A connection to a broker at the byte level. It records everything and does nothing on its own except answer a close.
 */
import { connect, type Socket } from 'node:net';
import { type Arguments, decodeHeader, decodeMethod, encodeHeader, encodeMethod, headerParts } from './methods.js';
import { PeerChannel } from './peer-channel.js';
import { describe, type Properties, type ReceivedMethod, shownArguments } from './received-method.js';
import { Reader, Writer } from './values.js';

export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8 };
const FRAME_END = 0xce;
const TIMEOUT_MS = 8000;
export const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

/** Receives the transcript of a peer: `where` is a channel number. */
export type Record = (where: number, line: string) => void;

export interface Login {
  user: string;
  password: string;
  vhost: string;
  channelMax?: number;
  frameMax?: number;
  heartbeatS?: number;
  clientProperties?: Arguments;
}

export class Peer {
  readonly record: Record;
  /** Maximum frame size, including header and end; the client's own value until it is negotiated. */
  frameMax = 131_072;
  /** Everything received on channel 0. */
  readonly received: ReceivedMethod[] = [];
  heartbeats = 0;
  ended = false;
  /** Whether connection.close and channel.close are answered immediately, as a client must. */
  answersClose = true;
  readonly #socket: Socket;
  readonly #channels = new Map<number, PeerChannel<Peer>>();
  readonly #waiting = new Set<() => void>();
  #unparsed = Buffer.alloc(0);

  constructor(port: number, host: string, record: Record) {
    this.record = record;
    this.#socket = connect({ port, host, noDelay: true });
    this.#socket.on('data', (chunk) => {
      try {
        this.#take(chunk);
      } catch (error) {
        record(0, `! ${(error as Error).message}`);
        this.destroy();
      }
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.ended = true;
      // After a close-ok, it does not matter which side closes the socket.
      if (this.received.at(-1)?.method !== 'connection.close-ok') record(0, '< the end of the connection');
      this.#wake();
    });
  }

  /** Sends raw bytes. */
  write(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  frame(type: number, channel: number, payload: Buffer, end = FRAME_END): void {
    this.write(frameBytes(type, channel, payload, end));
  }

  send(channel: number, method: string, args: Arguments = {}): void {
    this.frame(FRAME.method, channel, methodBytes(method, args));
  }

  /** Sends a method on channel 0, as a line of the transcript. */
  sendMethod(method: string, args: Arguments = {}): void {
    this.record(0, `> ${method} ${shownArguments(args)}`);
    this.send(0, method, args);
  }

  /** A content header, then the body in frames of the negotiated size. */
  content(channel: number, body: Buffer, properties: Properties, frameBytesMax = this.frameMax): void {
    const writer = new Writer();
    encodeHeader(writer, body.length, properties);
    this.frame(FRAME.header, channel, writer.take());
    const largest = frameBytesMax - 8;
    for (let at = 0; at < body.length; at += largest) {
      this.frame(FRAME.body, channel, body.subarray(at, at + largest));
    }
  }

  /** The handshake: protocol header, start-ok, tune-ok and open, each after the server's method before it. */
  async login({ user, password, vhost, clientProperties, ...tune }: Login): Promise<void> {
    this.write(PROTOCOL_HEADER);
    await this.next('connection.start');
    const response = `\0${user}\0${password}`;
    this.send(0, 'connection.start-ok', {
      clientProperties: clientProperties ?? { capabilities: CAPABILITIES },
      mechanism: 'PLAIN',
      response,
      locale: 'en_US',
    });
    const { args } = await this.next('connection.tune');
    this.frameMax = tune.frameMax ?? Number(args.frameMax);
    const channelMax = tune.channelMax ?? args.channelMax;
    this.send(0, 'connection.tune-ok', { channelMax, frameMax: this.frameMax, heartbeat: tune.heartbeatS ?? 0 });
    this.send(0, 'connection.open', { virtualHost: vhost });
    await this.next('connection.open-ok');
  }

  /** Opens the channel with this number. */
  async channel(number: number): Promise<PeerChannel<Peer>> {
    const channel = this.unopened(number);
    await channel.call('channel.open', {}, { silent: true });
    return channel;
  }

  /** A channel that only receives: nothing is sent. */
  unopened(number: number): PeerChannel<Peer> {
    const channel = new PeerChannel(this, number);
    this.#channels.set(number, channel);
    return channel;
  }

  /** The next unread method on channel 0, which must be this one. */
  async next(method: string): Promise<ReceivedMethod> {
    const at = this.#read;
    this.#read += 1;
    const received = await this.until(() => this.received[at], method);
    if (received.method !== method) throw new Error(`expected ${method}, received ${received.method}`);
    return received;
  }
  #read = 0;

  /** Resolves when the server has closed the connection. */
  async end(): Promise<void> {
    await this.until(() => this.ended || undefined, 'the end of the connection');
  }

  /** Resolves with the result of `look` as soon as there is one; called again after everything received. */
  until<T>(look: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = look();
        if (found === undefined && !this.ended) return;
        this.#waiting.delete(check);
        clearTimeout(timer);
        if (found !== undefined) resolve(found);
        else reject(new Error(`the connection was closed while waiting for ${what}`));
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`not received within ${TIMEOUT_MS} ms: ${what}`));
      }, TIMEOUT_MS);
      this.#waiting.add(check);
      check();
    });
  }

  /** Like a killed process: closes without notifying the server. */
  destroy(): void {
    this.#socket.destroy();
  }

  #wake(): void {
    for (const check of [...this.#waiting]) check();
  }

  #take(chunk: Buffer): void {
    this.#unparsed = Buffer.concat([this.#unparsed, chunk]);
    for (;;) {
      const bytes = this.#unparsed;
      if (bytes.length >= 8 && bytes.toString('latin1', 0, 4) === 'AMQP') {
        this.record(0, `< the protocol header ${bytes.toString('hex', 4, 8)}`);
        this.#unparsed = bytes.subarray(8);
        continue;
      }
      if (bytes.length < 7) break;
      const size = bytes.readUInt32BE(3);
      if (bytes.length < size + 8) break;
      if (bytes[size + 7] !== FRAME_END) throw new Error('the server sent a frame without its end');
      if (size + 8 > this.frameMax) throw new Error(`the server sent a frame of ${size + 8} bytes`);
      this.#unparsed = bytes.subarray(size + 8);
      this.#frame(bytes[0]!, bytes.readUInt16BE(1), bytes.subarray(7, size + 7));
    }
    this.#wake();
  }

  #frame(type: number, number: number, payload: Buffer): void {
    if (type === FRAME.heartbeat) {
      this.heartbeats += 1;
      if (number !== 0 || payload.length > 0) throw new Error('the server sent a heartbeat with a payload');
      return;
    }
    if (number !== 0) {
      const channel = this.#channels.get(number);
      if (!channel) throw new Error(`the server used channel ${number}, which was never opened`);
      if (type === FRAME.method) channel.method(decodeMethod(new Reader(payload)));
      else if (type === FRAME.header)
        channel.header((channel.keepsBytes ? headerParts : decodeHeader)(new Reader(payload)));
      else channel.body(payload);
      return;
    }
    const received = decodeMethod(new Reader(payload));
    this.received.push(received);
    this.record(0, `< ${describe(received)}`);
    if (received.method === 'connection.close' && this.answersClose) this.send(0, 'connection.close-ok');
    if (received.method === 'connection.close-ok') this.destroy();
  }
}

export function methodBytes(method: string, args: Arguments = {}): Buffer {
  const writer = new Writer();
  encodeMethod(writer, method, args);
  return writer.take();
}

export function frameBytes(type: number, channel: number, payload: Buffer, end = FRAME_END): Buffer {
  const writer = new Writer();
  writer.uint(1, type);
  writer.uint(2, channel);
  writer.uint(4, payload.length);
  writer.bytes(payload);
  writer.uint(1, end);
  return writer.take();
}

export const CAPABILITIES = {
  publisher_confirms: true,
  exchange_exchange_bindings: true,
  'basic.nack': true,
  consumer_cancel_notify: true,
  'connection.blocked': true,
  authentication_failure_close: true,
};
