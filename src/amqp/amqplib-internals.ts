/**
 * Every use of undocumented amqplib internals, in one place: the connection behind a `ChannelModel`, and the texts of
 * its errors. `test/amqp/amqplib-internals.test.ts` fails when an update changes any of them.
 */
import type { Socket } from 'node:net';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { reasonOf } from '../errors.js';
import { readContentHeader } from './content-header.js';

/** Fields of amqplib's `Connection`, as of version 2.3. */
interface AmqplibConnection {
  readonly stream: Socket;
  readonly heartbeater: { readonly sendTimer: NodeJS.Timeout; readonly recvTimer: NodeJS.Timeout } | null;
  /** Negotiated with the broker, in seconds. 0: disabled. */
  readonly heartbeat: number;
  /** Maximum number of channels on the connection. */
  readonly channelMax: number;
  readonly maxFrameSize: number;
  /** Negotiated with the broker, in bytes. */
  readonly frameMax: number;
  readonly blocked: boolean;
  /** Bytes read from the socket and not parsed yet. */
  rest: Buffer;
  /** Whether anything was read since the last heartbeat check. */
  recvSinceLastCheck: boolean;
  /** The next frame; null or false if it is not complete yet. */
  recvFrame(): unknown;
}

/** The parts of a connection that an `OpenConnection` needs. */
export interface ConnectionInternals {
  readonly socket: Socket;
  readonly heartbeatMs: number;
  readonly channelMax: number;
  readonly frameMax: number;
  readonly isBlocked: boolean;
  /** Lets the process exit while the connection is open. */
  unref(): void;
  /** Stops reading frames until `resumeReading()`. */
  pauseReading(): void;
  resumeReading(): void;
  readonly isReadingPaused: boolean;
}

/** Wraps the connection's frame reader. Call once for each connection. */
export function internalsOf(model: ChannelModel): ConnectionInternals {
  const { connection } = model as unknown as { connection: AmqplibConnection };
  const { stream, heartbeater } = connection;
  const nextFrame = connection.recvFrame.bind(connection);
  joinWrites(stream);
  let paused = false;
  // amqplib reads frames as fast as they arrive and cannot be paused. While this returns null, Node's socket buffer
  // fills, then the kernel's, and TCP flow control stops the broker.
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
      // amqplib counts only reads from the socket as a sign of life, and there are none while `rest` holds frames. A
      // dead peer is still detected: by the health check and by TCP keep-alive.
      connection.recvSinceLastCheck = true;
      // Deferred: the caller may be in the middle of handling a frame. On this event amqplib reads everything that has
      // arrived.
      setImmediate(() => stream.emit('readable'));
    },
    get isReadingPaused() {
      return paused;
    },
  };
}

/**
 * amqplib writes each message separately, and each write is a system call that costs more than the rest of publishing a
 * small message. Writes of one tick are sent together.
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
const MIN_HEADER_BYTES = 14;
const BASIC_CLASS = 60;

/**
 * The next frame, if it is a content header. It is decoded here because amqplib closes the connection when it cannot
 * decode a header. All other frames, and invalid ones, are left to amqplib.
 */
function contentHeaderFrame(connection: AmqplibConnection): unknown {
  const { rest, maxFrameSize } = connection;
  if (rest.length < FRAME_START_BYTES || rest[0] !== HEADER_FRAME) return undefined;
  const length = rest.readUInt32BE(3);
  const end = FRAME_START_BYTES + length;
  if (length < MIN_HEADER_BYTES || (maxFrameSize > 0 && length > maxFrameSize)) return undefined;
  if (rest.length <= end || rest[end] !== FRAME_END) return undefined;
  const payload = rest.subarray(FRAME_START_BYTES, end);
  if (payload.readUInt16BE(0) !== BASIC_CLASS) return undefined;
  connection.rest = rest.subarray(end + 1);
  const { size, properties, weight } = readContentHeader(payload);
  propertyWeights.set(properties, weight);
  return { id: BASIC_CLASS, channel: rest.readUInt16BE(1), size, fields: properties };
}

/** Keyed by the properties object that amqplib passes on with the message. */
const propertyWeights = new WeakMap<object, number>();
/** Minimum memory overhead of a message besides its body and properties, in bytes. */
const MESSAGE_BYTES = 1024;

/** Approximate memory use of a message in bytes. Its properties may need many times as much as its body. */
export function weightOf({ content, properties }: ConsumeMessage): number {
  return content.length + (propertyWeights.get(properties) ?? 0) + MESSAGE_BYTES;
}

/** A message with the only field that `ack` and `nack` read. */
export function messageOf(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}

/** Whether a failed confirm is a nack from the broker, as opposed to a channel that closed before the confirm. */
export function isNack(error: unknown): boolean {
  return reasonOf(error) === 'message nacked';
}

/** Whether `publish` threw because of its arguments, as opposed to a closing channel. */
export function isUnencodable(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError;
}

/** The broker's reply text, extracted from amqplib's error message about a closed channel or connection. */
export function brokerReplyText(error: unknown): string {
  const message = reasonOf(error);
  return /with message "(?<reply>.*)"$/s.exec(message)?.groups?.reply ?? message;
}

/** The AMQP method that made the broker close the channel; 0 and 0 if it was not one of ours. */
export function failedMethodOf(error: unknown): { readonly classId: number; readonly methodId: number } {
  const { classId = 0, methodId = 0 } = error as { classId?: number; methodId?: number };
  return { classId, methodId };
}
