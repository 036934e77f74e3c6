/**
 * Output to one client. Everything written in one turn of the event loop becomes one write; large bodies are passed to
 * the socket without copying. Check `isFull` before delivering: a client that does not read gets no more messages.
 */
import type { Socket } from 'node:net';
import type { Message } from '../queues/message.js';
import { ByteWriter } from '../wire/byte-writer.js';
import {
  BODY_FRAME,
  FRAME_END,
  FRAME_EXTRA_BYTES,
  FRAME_MIN_BYTES,
  HEADER_FRAME,
  HEARTBEAT_FRAME,
  METHOD_FRAME,
} from '../wire/frame-reader.js';
import { encodeMethod } from '../wire/method-codec.js';
import type { FieldsOf, MethodName } from '../wire/method-table.js';
import type { Properties } from '../wire/properties.js';

/** No more deliveries above this. */
const FULL_BYTES = 1024 * 1024;
/** Replies count as well: above this, a client that sends requests but never reads is not read any more. */
const OVERFULL_BYTES = 4 * FULL_BYTES;
/** Above this, write without waiting for the end of the turn. */
const WRITE_AT_ONCE_BYTES = 256 * 1024;
/** Up to this size, copying is cheaper than another chunk to write. */
const COPIED_BODY_BYTES = 16 * 1024;
const SMALLEST_BUFFER_BYTES = 512;
const LARGEST_BUFFER_BYTES = 64 * 1024;
const BASIC_CLASS = 60;

export class Outbox {
  /** Maximum frame size the client accepts. */
  frameMax = FRAME_MIN_BYTES;
  #hasSent = false;
  readonly #socket: Socket;
  #writer = new ByteWriter(SMALLEST_BUFFER_BYTES);
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #flushing: NodeJS.Immediate | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get #waitingBytes(): number {
    return this.#pieceBytes + this.#writer.length + this.#socket.writableLength;
  }

  get isFull(): boolean {
    return this.#waitingBytes > FULL_BYTES;
  }

  get isOverfull(): boolean {
    return this.#waitingBytes > OVERFULL_BYTES;
  }

  method<Name extends MethodName>(channel: number, name: Name, fields: FieldsOf<Name>): void {
    this.#method(channel, name, fields);
    this.#scheduleFlush();
  }

  #method<Name extends MethodName>(channel: number, name: Name, fields: FieldsOf<Name>): void {
    const size = this.#frame(METHOD_FRAME, channel);
    encodeMethod(this.#writer, name, fields);
    this.#writer.sizeHere(size);
    this.#writer.octet(FRAME_END);
  }

  #frame(type: number, channel: number): number {
    this.#writer.octet(type);
    this.#writer.short(channel);
    return this.#writer.sizeLater();
  }

  /** Writes a method followed by a message. */
  content<Name extends MethodName>(
    channel: number,
    name: Name,
    fields: FieldsOf<Name>,
    properties: Properties,
    { body }: Message,
  ): void {
    this.#method(channel, name, fields);
    const writer = this.#writer;
    const size = this.#frame(HEADER_FRAME, channel);
    writer.short(BASIC_CLASS);
    writer.short(0);
    writer.longLong(body.length);
    writer.raw(properties.raw);
    writer.sizeHere(size);
    writer.octet(FRAME_END);
    const max = this.frameMax - FRAME_EXTRA_BYTES;
    for (let at = 0; at < body.length; at += max) this.#body(channel, body.subarray(at, at + max));
    this.#scheduleFlush();
  }

  #body(channel: number, part: Buffer): void {
    const writer = this.#writer;
    writer.octet(BODY_FRAME);
    writer.short(channel);
    writer.long(part.length);
    if (part.length <= COPIED_BODY_BYTES) {
      writer.raw(part);
    } else {
      this.#cut();
      this.#pieces.push(part);
      this.#pieceBytes += part.length;
    }
    writer.octet(FRAME_END);
  }

  #cut(): void {
    if (this.#writer.length === 0) return;
    this.#pieceBytes += this.#writer.length;
    this.#pieces.push(this.#writer.take());
  }

  heartbeat(): void {
    const size = this.#frame(HEARTBEAT_FRAME, 0);
    this.#writer.sizeHere(size);
    this.#writer.octet(FRAME_END);
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#pieceBytes + this.#writer.length > WRITE_AT_ONCE_BYTES) this.flush();
    else this.#flushing ??= setImmediate(() => this.flush());
  }

  hasSentSinceLastCall(): boolean {
    const hasSent = this.#hasSent;
    this.#hasSent = false;
    return hasSent;
  }

  flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    this.#cut();
    if (this.#pieces.length === 0) return;
    const [pieces, bytes] = [this.#pieces, this.#pieceBytes];
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#hasSent = true;
    // The next turn will probably need about as much.
    this.#writer = new ByteWriter(Math.min(Math.max(bytes, SMALLEST_BUFFER_BYTES), LARGEST_BUFFER_BYTES));
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
  }

  /** Writes what is left and ends the stream. */
  end(): void {
    this.flush();
    this.#socket.end();
  }
}
