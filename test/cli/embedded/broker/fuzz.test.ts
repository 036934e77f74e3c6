/** Input no client sends: the broker must report why it disconnects, and retain nothing. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { MemoryAccount } from '../../../../cli/embedded/broker/queues/message.js';
import { Vhost } from '../../../../cli/embedded/broker/queues/vhost.js';
import { Connection } from '../../../../cli/embedded/broker/session/connection.js';
import type { ConnectionHost } from '../../../../cli/embedded/broker/session/handshake.js';
import { serverProperties } from '../../../../cli/embedded/broker/session/handshake.js';
import { ByteWriter } from '../../../../cli/embedded/broker/wire/byte-writer.js';
import {
  array,
  type FieldTable,
  long,
  longString,
  table,
  writeTable,
} from '../../../../cli/embedded/broker/wire/field-table.js';
import { METHODS, type MethodShape } from '../../../../cli/embedded/broker/wire/method-table.js';
import { nested } from '../../../support/amqp/property-bytes.mjs';
import { contentFrames, FakeSocket, frame, methodFrame, opening } from './peer.js';

const FRAMES = 1_000_000;
const MIB = 1024 * 1024;

/** The same numbers in each run (xorshift32). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const random = randomNumbers(20_261_126);
const oneOf = <Item>(items: readonly Item[]): Item => items[random(items.length)] as Item;
const NAMES = ['', 'a', 'b', 'amq.direct', 'quorum', 'x'.repeat(255)];

const HEADERS: FieldTable = [
  ['text', longString('value')],
  ['x-death', array([table([['count', long(3)]])])],
  ['deep', table([['deeper', table([['number', { type: 'I', value: 7 }]])]])],
];
/** Occasionally deeper than a stack allows. */
const DEEP: FieldTable = [['deep', { type: 'F', value: nested(12_000).subarray(5) }]];
const ARGUMENTS: FieldTable[] = [
  [],
  [['x-queue-type', { type: 'S', value: 'quorum' }]],
  [
    ['x-max-length', { type: 'b', value: 3 }],
    ['x-message-ttl', { type: 'I', value: 1 }],
    ['x-dead-letter-exchange', { type: 'S', value: '' }],
    ['x-dead-letter-routing-key', { type: 'S', value: 'a' }],
  ],
];

function writeRandomField(writer: ByteWriter, kind: MethodShape['fields'][number][1]): void {
  if (kind === 'octet') writer.octet(random(256));
  if (kind === 'short') writer.short(random(8));
  if (kind === 'long') writer.long(random(3));
  if (kind === 'longLong') writer.longLong(random(6));
  if (kind === 'shortString') writer.shortString(oneOf(NAMES));
  if (kind === 'longString') writer.longString(oneOf(NAMES));
  if (kind === 'table') writeTable(writer, random(2000) === 0 ? DEEP : oneOf(ARGUMENTS));
}

/** Two open channels, unless the broker has closed them. */
let channels = 1;
const FRAMES_A_CHANNEL = 8;

function openTwoMore(): Buffer {
  channels += 2;
  const open = { outOfBand: '' };
  return Buffer.concat([methodFrame(channels, 'channel.open', open), methodFrame(channels + 1, 'channel.open', open)]);
}

/** Refused with 540; used often, they would dominate the results. */
const RARE_FLAGS = new Set(['immediate', 'prefetchSize']);

/** A valid method, sometimes followed by its message. */
function validFrame(shape: MethodShape): Buffer {
  const channel = shape.classId === 10 ? 0 : channels + random(2);
  const writer = new ByteWriter();
  writer.long(shape.id);
  let bits: boolean[] = [];
  const writeBits = () => {
    if (bits.length > 0) writer.octet(bits.reduce((octet, bit, place) => octet | (Number(bit) << place), 0));
    bits = [];
  };
  for (const [name, kind] of shape.fields) {
    const isRare = RARE_FLAGS.has(name) && random(20) > 0;
    if (kind === 'bit') bits.push(!isRare && random(2) === 0);
    else {
      writeBits();
      if (isRare) writer.long(0);
      else writeRandomField(writer, kind);
    }
  }
  writeBits();
  const method = frame(1, channel, writer.take());
  if (shape.name !== 'basic.publish' || random(8) === 0) return method;
  return Buffer.concat([method, contentFrames(channel, 'x'.repeat(random(40)), properties())]);
}

function properties(): Uint8Array {
  const writer = new ByteWriter();
  writer.short(0x3100);
  writeTable(writer, random(2000) === 0 ? DEEP : HEADERS);
  writer.octet(2);
  writer.shortString(oneOf(['', '1', '1000', '-1', 'x']));
  return writer.take();
}

/** Offsets: frame header, method number, fields. */
const WHERE = [0, 7, 11, 11, 11, 11, 11, 11];

/** Changes some bytes, inside frames or anywhere. */
function mutated(bytes: Buffer): Buffer {
  const from = oneOf(WHERE);
  for (let changes = 1 + random(3); changes > 0; changes--) {
    bytes[from + random(Math.max(bytes.length - from - 1, 1))] = random(256);
  }
  return bytes;
}

function noise(): Buffer {
  const payload = Buffer.alloc(random(64));
  for (let at = 0; at < payload.length; at++) payload[at] = random(256);
  return random(3) === 0 ? payload : frame(oneOf([0, 1, 1, 1, 2, 2, 3, 3, 4, 8, 255]), random(4), payload);
}

const SHAPES = Object.values(METHODS);
/** Methods that keep a connection open are used more often, so that mutations have something to break. */
const USUAL = SHAPES.filter(
  ({ classId, name }) =>
    [40, 50, 60, 85].includes(classId) && !/-ok$|empty|return|deliver|exchange.(?:un)?bind/.test(name),
);

function anything(): Buffer {
  const kind = random(40);
  if (kind < 30) return validFrame(oneOf(USUAL));
  if (kind < 31) return validFrame(oneOf(SHAPES));
  if (kind < 39) return mutated(validFrame(oneOf(USUAL)));
  return noise();
}

test('a million random and mutated frames end in a fitting reply code or in nothing', {
  timeout: 120_000,
}, async () => {
  // Stack traces are not needed here, and collecting them takes a fifth of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  onTestFinished(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });
  const memory = new MemoryAccount(64 * MIB, () => {});
  let vhost = new Vhost('/', memory);
  let alive = 0;
  const host: ConnectionHost = {
    properties: serverProperties('0.0.0'),
    limits: { channelMax: 2047, frameMax: 131_072, heartbeatS: 60 },
    handshakeMs: 10_000,
    maxMessageBytes: 128 * MIB,
    isUser: () => true,
    findVhost: () => vhost,
    blockedReason: () => undefined,
  };
  const codes = new Map<number, number>();
  const exceptions: string[] = [];
  const hello = opening();
  let worstHeapBytes = 0;

  let frames = 0;
  for (let connections = 0; frames < FRAMES; connections++) {
    const socket = new FakeSocket();
    new Connection(socket.asSocket(), host, () => alive--);
    alive++;
    socket.emit('data', hello);
    channels = 1;
    for (let sent = 0; sent < 100 && socket.received.closed() === undefined && !socket.writableEnded; sent++) {
      if (sent % FRAMES_A_CHANNEL === 0) socket.emit('data', openTwoMore());
      const bytes = anything();
      const cut = random(10) === 0 ? random(bytes.length) : 0;
      // TCP may split data anywhere.
      if (cut > 0) socket.emit('data', bytes.subarray(0, cut));
      socket.emit('data', bytes.subarray(cut));
      frames++;
    }
    const { code, text } = socket.received.closed() ?? { code: 0, text: '' };
    // An unexpected exception.
    if (code === 541 && text !== 'INTERNAL_ERROR') exceptions.push(text);
    codes.set(code, (codes.get(code) ?? 0) + 1);
    socket.destroy();
    if (connections % 100 === 99) {
      vhost.end();
      expect(memory.usedBytes).toBe(0);
      vhost = new Vhost('/', memory);
      worstHeapBytes = Math.max(worstHeapBytes, process.memoryUsage().heapUsed);
      await turn();
    }
  }

  expect(alive).toBe(0);
  // 0: the connection survived, or the client closed it. 541 without text: malformed properties.
  expect([...codes.keys()].filter((code) => ![0, 501, 503, 504, 505, 530, 540, 541].includes(code))).toEqual([]);
  expect(exceptions).toEqual([]);
  for (const code of [501, 503, 504, 505, 540, 541])
    expect(codes.get(code) ?? 0, `closed with ${code}`).toBeGreaterThan(0);
  expect(worstHeapBytes).toBeLessThan(400 * MIB);
});
