/**
 * Splits a byte stream into frames. Buffers at most one incomplete frame, so memory is bounded by the negotiated frame
 * size.
 */
import { frameError, unexpectedFrame } from '../amqp-error.js';

export const METHOD_FRAME = 1;
export const HEADER_FRAME = 2;
export const BODY_FRAME = 3;
export const HEARTBEAT_FRAME = 8;

/** Type, channel and size. */
export const FRAME_HEAD_BYTES = 7;
/** Header plus end marker. */
export const FRAME_EXTRA_BYTES = FRAME_HEAD_BYTES + 1;
export const FRAME_END = 0xce;
/** Maximum frame size before tuning. */
export const FRAME_MIN_BYTES = 4096;

export type OnFrame = (type: number, channel: number, payload: Buffer) => void;

export class FrameReader {
  /** Maximum frame size, including header and end marker. */
  frameMax = FRAME_MIN_BYTES;
  readonly #onFrame: OnFrame;
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES);
  #headBytes = 0;
  /** Payload and end marker of a frame that began in an earlier chunk. */
  #rest: Buffer | undefined;
  #restBytes = 0;
  #isHeld = false;
  /** Data that arrived while reading was held. */
  #held: Buffer | undefined;

  /** @param onFrame its payload is only valid during the call, unless it has its own memory (see ownMemory). */
  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Stops reading after this frame until `resume`. Called from within onFrame. */
  hold(): void {
    this.#isHeld = true;
  }

  /** @throws the errors of `read`. */
  resume(): void {
    const held = this.#held;
    this.#isHeld = false;
    this.#held = undefined;
    if (held) this.read(held);
  }

  /** @throws AmqpError 501 for a frame that is too large or has no end marker; errors of onFrame. */
  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#isHeld) {
        const rest = chunk.subarray(at);
        this.#held = this.#held ? Buffer.concat([this.#held, rest]) : rest;
        return;
      }
      if (this.#rest !== undefined) at = this.#continueFrame(this.#rest, chunk, at);
      else if (this.#headBytes === 0 && chunk.length - at >= FRAME_HEAD_BYTES) at = this.#frameOrStart(chunk, at);
      else at = this.#collectHead(chunk, at);
    }
  }

  #frameOrStart(chunk: Buffer, at: number): number {
    const size = this.#sizeOf(chunk, at);
    const start = at + FRAME_HEAD_BYTES;
    const end = start + size;
    if (end < chunk.length) {
      this.#deliver(chunk, at, chunk.subarray(start, end), chunk[end] as number);
      return end + 1;
    }
    chunk.copy(this.#head, 0, at, start);
    this.#startRest(size);
    return start;
  }

  #collectHead(chunk: Buffer, at: number): number {
    const taken = Math.min(FRAME_HEAD_BYTES - this.#headBytes, chunk.length - at);
    chunk.copy(this.#head, this.#headBytes, at, at + taken);
    this.#headBytes += taken;
    if (this.#headBytes === FRAME_HEAD_BYTES) this.#startRest(this.#sizeOf(this.#head, 0));
    return at + taken;
  }

  #startRest(size: number): void {
    this.#headBytes = 0;
    this.#rest = Buffer.allocUnsafe(size + 1);
    this.#restBytes = 0;
  }

  #continueFrame(rest: Buffer, chunk: Buffer, at: number): number {
    const taken = Math.min(rest.length - this.#restBytes, chunk.length - at);
    chunk.copy(rest, this.#restBytes, at, at + taken);
    this.#restBytes += taken;
    if (this.#restBytes === rest.length) {
      this.#rest = undefined;
      this.#deliver(this.#head, 0, rest.subarray(0, rest.length - 1), rest[rest.length - 1] as number);
    }
    return at + taken;
  }

  #sizeOf(bytes: Buffer, at: number): number {
    const size = bytes.readUInt32BE(at + 3);
    // RabbitMQ tolerates clients that count the payload only.
    if (size > this.frameMax) {
      throw frameError(
        `type ${bytes[at]}, all octets = <<>>: {frame_too_large,${size},${this.frameMax - FRAME_EXTRA_BYTES}}`,
      );
    }
    return size;
  }

  #deliver(head: Buffer, at: number, payload: Buffer, end: number): void {
    const type = head[at] as number;
    if (end !== FRAME_END) throw frameError(`type ${type}, ${snippet(payload)}: {invalid_frame_end_marker,${end}}`);
    this.#onFrame(type, head.readUInt16BE(at + 1), payload);
  }
}

/** Returns the bytes in a buffer of their own, so that a small message does not retain a large chunk. */
export function ownMemory(bytes: Buffer): Buffer {
  return bytes.buffer.byteLength - bytes.length <= FRAME_EXTRA_BYTES ? bytes : Buffer.from(bytes);
}

/** The first bytes, as RabbitMQ prints them. */
export function snippet(payload: Buffer): string {
  const SHOWN = 16;
  const first = payload.subarray(0, SHOWN);
  const text = first.toString('latin1');
  const shown = /^[ -~\xa0-\xff]+$/.test(text) ? `<<"${text}">>` : `<<${first.join()}>>`;
  return payload.length > SHOWN ? `first ${SHOWN} octets = ${shown}` : `all octets = ${shown}`;
}

// Checks which frame types are allowed in which context.

/** @throws AmqpError 501 for an unknown frame type; 505 for a heartbeat, which belongs to the connection. */
export function assertChannelFrame(type: number, payload: Buffer): void {
  if (type === HEARTBEAT_FRAME && payload.length === 0) throw unexpectedFrame(`type ${type}, ${snippet(payload)}`);
  if (type < METHOD_FRAME || type > BODY_FRAME) throw frameError(`type ${type}, ${snippet(payload)}: unknown_frame`);
}

/** @throws AmqpError 501 for an unknown frame type; 505 for anything but a connection method. */
export function assertConnectionMethod(type: number, channel: number, payload: Buffer): void {
  assertChannelFrame(type, payload);
  if (channel > 0 || type !== METHOD_FRAME) throw unexpectedFrame(`type ${type}, ${snippet(payload)}`);
}
