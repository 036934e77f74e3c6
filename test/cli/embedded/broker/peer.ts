/** Raw client bytes for behavior no real client shows, sent to a connection without a network or to a real socket. */
import { EventEmitter } from 'node:events';
import net, { type Socket } from 'node:net';
import { PROTOCOL_HEADER } from '../../../../cli/embedded/broker/session/handshake.js';
import { ByteWriter } from '../../../../cli/embedded/broker/wire/byte-writer.js';
import { flag, table } from '../../../../cli/embedded/broker/wire/field-table.js';
import { FRAME_END, FrameReader } from '../../../../cli/embedded/broker/wire/frame-reader.js';
import { decodeMethod, encodeMethod } from '../../../../cli/embedded/broker/wire/method-codec.js';
import type { FieldsOf, Method, MethodName } from '../../../../cli/embedded/broker/wire/method-table.js';
import { onEnd } from '../../../support/use-servers.js';
import { eventually } from '../../../support/wait.mjs';

export function frame(type: number, channel: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(payload.length + 8);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt16BE(channel, 1);
  bytes.writeUInt32BE(payload.length, 3);
  bytes.set(payload, 7);
  bytes.writeUInt8(FRAME_END, bytes.length - 1);
  return bytes;
}

export function methodFrame<Name extends MethodName>(channel: number, name: Name, fields: FieldsOf<Name>): Buffer {
  const writer = new ByteWriter();
  encodeMethod(writer, name, fields);
  return frame(1, channel, writer.take());
}

/** Header and body frames of a message. */
export function contentFrames(
  channel: number,
  body: string | Buffer,
  properties: Uint8Array = Buffer.from([0, 0]),
): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(60, 0);
  head.writeBigUInt64BE(BigInt(bytes.length), 4);
  return Buffer.concat([
    frame(2, channel, Buffer.concat([head, properties])),
    ...(bytes.length > 0 ? [frame(3, channel, bytes)] : []),
  ]);
}

export function publishFrames(
  channel: number,
  routingKey: string,
  body: string | Buffer,
  exchange = '',
  properties?: Uint8Array,
): Buffer {
  const method = { ticket: 0, exchange, routingKey, mandatory: false, immediate: false };
  return Buffer.concat([methodFrame(channel, 'basic.publish', method), contentFrames(channel, body, properties)]);
}

const LOGIN = methodFrame(0, 'connection.start-ok', {
  clientProperties: [
    [
      'capabilities',
      table(
        ['connection.blocked', 'consumer_cancel_notify', 'authentication_failure_close'].map((name) => [
          name,
          flag(true),
        ]),
      ),
    ],
  ],
  mechanism: 'PLAIN',
  response: '\0guest\0guest',
  locale: 'en_US',
});

/** Everything a client sends until its first channel is open. */
export function opening({ heartbeatS = 0, frameMax = 131_072 } = {}): Buffer {
  return Buffer.concat([
    PROTOCOL_HEADER,
    LOGIN,
    methodFrame(0, 'connection.tune-ok', { channelMax: 2047, frameMax, heartbeat: heartbeatS }),
    methodFrame(0, 'connection.open', { virtualHost: '/', capabilities: '', insist: false }),
    methodFrame(1, 'channel.open', { outOfBand: '' }),
  ]);
}

export { LOGIN, PROTOCOL_HEADER };

/** Decodes what the broker sends. */
export class ReceivedFrames {
  readonly methods: Array<{ channel: number; method: Method }> = [];
  heartbeats = 0;
  bodyBytes = 0;
  readonly #reader = new FrameReader((type, channel, payload) => {
    if (type === 1) this.methods.push({ channel, method: decodeMethod(payload) });
    if (type === 3) this.bodyBytes += payload.length;
    if (type === 8) this.heartbeats++;
  });

  constructor() {
    this.#reader.frameMax = 131_072;
  }

  take(chunk: Buffer): void {
    this.#reader.read(chunk);
  }

  /** Names of the methods so far. */
  names(): string[] {
    return this.methods.map(({ method }) => method.name);
  }

  /** Why the broker closed the connection; undefined if it did not. */
  closed(): { code: number; text: string } | undefined {
    for (const { method } of this.methods) {
      if (method.name === 'connection.close') return { code: method.replyCode, text: method.replyText };
    }
    return undefined;
  }
}

/** A socket to a connection without a network. */
export class FakeSocket extends EventEmitter {
  readonly received = new ReceivedFrames();
  remoteAddress = '127.0.0.1';
  remotePort = 1;
  localAddress = '127.0.0.1';
  localPort = 2;
  writableLength = 0;
  destroyed = false;
  writableEnded = false;
  #isPaused = false;

  setNoDelay(): void {}
  cork(): void {}
  uncork(): void {}

  write(bytes: Buffer): void {
    if (bytes.subarray(0, 4).toString('latin1') !== 'AMQP') this.received.take(bytes);
  }

  end(bytes?: Buffer): void {
    if (bytes) this.write(bytes);
    this.writableEnded = true;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  isPaused(): boolean {
    return this.#isPaused;
  }

  asSocket(): Socket {
    return this as unknown as Socket;
  }
}

export interface Peer {
  socket: Socket;
  received: ReceivedFrames;
  /** All received bytes, for data that is not framed. */
  bytes(): Buffer;
  ended(): boolean;
}

/** A raw socket to the broker with decoded input; destroyed at the end of the test. */
export async function usePeer(port: number, { takesApart = true } = {}): Promise<Peer> {
  const socket = net.connect(port, '127.0.0.1');
  onEnd(() => socket.destroy());
  const received = new ReceivedFrames();
  const chunks: Buffer[] = [];
  let ended = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    ended = true;
  });
  socket.on('data', (chunk: Buffer) => {
    if (takesApart) received.take(chunk);
    else chunks.push(chunk);
  });
  await eventually(() => socket.readyState === 'open');
  return { socket, received, bytes: () => Buffer.concat(chunks), ended: () => ended };
}
