/**
 * Everything of amqplib that its documents do not promise, in one place: the connection behind a `ChannelModel`, and the
 * words of its errors. `test/amqp/amqplib-internals.test.ts` fails when an update moves any of it.
 */
import type { Socket } from 'node:net';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { reasonOf } from '../errors.js';
import { readContentHeader } from './content-header.js';

/** What amqplib's `Connection` has, as of 2.3. */
interface AmqplibConnection {
  readonly stream: Socket;
  readonly heartbeater: { readonly sendTimer: NodeJS.Timeout; readonly recvTimer: NodeJS.Timeout } | null;
  /** As agreed with the broker, in seconds; 0: none. */
  readonly heartbeat: number;
  /** How many channels the broker allows. */
  readonly channelMax: number;
  readonly maxFrameSize: number;
  /** As agreed with the broker, in bytes. */
  readonly frameMax: number;
  readonly blocked: boolean;
  /** What was read from the socket and is not taken yet. */
  rest: Buffer;
  /** Whether anything was read since the heartbeat timer looked last. */
  recvSinceLastCheck: boolean;
  /** The next frame; null or false where none is there yet. */
  recvFrame(): unknown;
}

/** The parts of a connection that an `OpenConnection` needs. */
export interface ConnectionInternals {
  readonly socket: Socket;
  readonly heartbeatMs: number;
  readonly channelMax: number;
  readonly frameMax: number;
  readonly isBlocked: boolean;
  /** Lets the process end although the connection is open. */
  unref(): void;
  /** Reads no more frames until `resumeReading()`. */
  pauseReading(): void;
  resumeReading(): void;
  readonly isReadingPaused: boolean;
}

/** Takes over the reading of frames, once for each connection. */
export function internalsOf(model: ChannelModel): ConnectionInternals {
  const { connection } = model as unknown as { connection: AmqplibConnection };
  const { stream, heartbeater } = connection;
  const nextFrame = connection.recvFrame.bind(connection);
  joinWrites(stream);
  let paused = false;
  // amqplib takes frames as fast as they come and offers no way to pause. Where it is told that there is none yet, Node's
  // buffer of the socket fills, then the kernel's, and TCP makes the broker wait.
  connection.recvFrame = () => (paused ? null : (contentHeaderFrame(connection) ?? nextFrame()));
  return {
    socket: stream,
    heartbeatMs: connection.heartbeat * 1000,
    channelMax: connection.channelMax,
    frameMax: connection.frameMax,
    get isBlocked() {
      return connection.blocked;
    },
    unref() {
      stream.unref();
      heartbeater?.sendTimer.unref();
      heartbeater?.recvTimer.unref();
    },
    pauseReading() {
      paused = true;
    },
    resumeReading() {
      if (!paused) return;
      paused = false;
      // amqplib counts only reads from the socket as a sign of life, and there is none while frames are left in `rest`. A dead
      // peer is still found: by the health check, and by TCP keep-alive.
      connection.recvSinceLastCheck = true;
      // Not in the caller's stack: it may be amidst what a frame made it do. amqplib reads whatever there is on this event.
      setImmediate(() => stream.emit('readable'));
    },
    get isReadingPaused() {
      return paused;
    },
  };
}

/**
 * amqplib writes each message by itself, and each write is a system call, which takes longer than all the rest of publishing
 * a small message. What is written without a pause goes out together.
 */
function joinWrites(stream: Socket): void {
  const write = stream.write as (...parts: unknown[]) => boolean;
  let isCorked = false;
  stream.write = ((...parts: unknown[]) => {
    if (!isCorked) {
      isCorked = true;
      stream.cork();
      process.nextTick(() => {
        isCorked = false;
        stream.uncork();
      });
    }
    return write.apply(stream, parts);
  }) as typeof stream.write;
}

/** https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, 2.3.5: type, channel, size, payload, end. */
const HEADER_FRAME = 2;
const FRAME_START_BYTES = 7;
const FRAME_END = 0xce;
/** Class, weight, size, flags. */
const LEAST_HEADER_BYTES = 14;
const BASIC_CLASS = 60;

/**
 * The frame that comes next, where it is a content header: decoded by us, because amqplib ends the connection at a header
 * that it cannot decode. Everything else, and what is no valid frame, is amqplib's business.
 */
function contentHeaderFrame(connection: AmqplibConnection): unknown {
  const { rest, maxFrameSize } = connection;
  if (rest.length < FRAME_START_BYTES || rest[0] !== HEADER_FRAME) return undefined;
  const length = rest.readUInt32BE(3);
  const end = FRAME_START_BYTES + length;
  if (length < LEAST_HEADER_BYTES || (maxFrameSize > 0 && length > maxFrameSize)) return undefined;
  if (rest.length <= end || rest[end] !== FRAME_END) return undefined;
  const payload = rest.subarray(FRAME_START_BYTES, end);
  if (payload.readUInt16BE(0) !== BASIC_CLASS) return undefined;
  connection.rest = rest.subarray(end + 1);
  const { size, properties, weight } = readContentHeader(payload);
  propertyWeights.set(properties, weight);
  return { id: BASIC_CLASS, channel: rest.readUInt16BE(1), size, fields: properties };
}

/** By the object that amqplib passes on as the properties of the message. */
const propertyWeights = new WeakMap<object, number>();
/** What a message takes in memory beside its body and its properties, at the least. */
const MESSAGE_BYTES = 1024;

/** About the bytes of memory that a message takes: its properties may weigh many times what its body does. */
export function weightOf({ content, properties }: ConsumeMessage): number {
  return content.length + (propertyWeights.get(properties) ?? 0) + MESSAGE_BYTES;
}

/** A message as far as `ack` and `nack` look at it. */
export function messageOf(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}

/** Whether a confirm says that the broker refused the message, instead of that the channel ended before an answer. */
export function isNack(error: unknown): boolean {
  return reasonOf(error) === 'message nacked';
}

/** Whether `publish` threw because of what it was given, and not because the channel is at its end. */
export function isUnencodable(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError;
}

/** The broker's own words out of amqplib's sentence about the end of a channel or a connection. */
export function wordsOfBroker(error: unknown): string {
  const said = reasonOf(error);
  return /with message "(?<reply>.*)"$/s.exec(said)?.groups?.reply ?? said;
}

/** The method that the broker closed the channel over; 0 and 0 where it was none of ours. */
export function failedMethodOf(error: unknown): { readonly classId: number; readonly methodId: number } {
  const { classId = 0, methodId = 0 } = error as { classId?: number; methodId?: number };
  return { classId, methodId };
}
