/** Assembles published messages: basic.publish, then header, then body. */
import { frameError, NOWHERE, preconditionFailed, unexpectedFrame } from '../amqp-error.js';
import { BODY_FRAME, HEADER_FRAME, ownMemory, snippet } from '../wire/frame-reader.js';
import type { MethodOf } from '../wire/method-table.js';

const BASIC_CLASS = 60;
/** Class, weight and body size. */
const HEADER_BYTES = 12;

export interface Content {
  readonly method: MethodOf<'basic.publish'>;
  /** Parsed last, as in RabbitMQ. */
  readonly properties: Buffer;
  readonly body: Buffer;
}

/**
 *   method ──basic.publish──> header ──a size──> body ──complete──> method
 *                                └──size 0, complete───────────────> method
 */
type Expected =
  | { readonly frame: 'method' }
  | { readonly frame: 'header'; readonly method: MethodOf<'basic.publish'> }
  | {
      readonly frame: 'body';
      readonly method: MethodOf<'basic.publish'>;
      readonly properties: Buffer;
      readonly parts: Buffer[];
      readonly size: number;
      left: number;
    };

const METHOD: Expected = { frame: 'method' };
const NO_BODY = Buffer.alloc(0);

export class IncomingContent {
  readonly #maxBytes: number;
  #expected: Expected = METHOD;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A method arrived: no content may be pending. */
  assertMethodExpected(): void {
    if (this.#expected.frame === 'method') return;
    throw unexpectedFrame(
      this.#expected.frame === 'header'
        ? `expected content header for class ${BASIC_CLASS}, got non content header frame instead`
        : 'expected content body, got non content body frame instead',
    );
  }

  begin(method: MethodOf<'basic.publish'>): void {
    this.#expected = { frame: 'header', method };
  }

  /** Discards partial content, because the channel has closed. */
  reset(): void {
    this.#expected = METHOD;
  }

  get method(): MethodOf<'basic.publish'> | undefined {
    return this.#expected.frame === 'method' ? undefined : this.#expected.method;
  }

  /**
   * @param type not a method frame.
   * @returns the content once it is complete.
   */
  take(type: number, payload: Buffer): Content | undefined {
    const expected = this.#expected;
    switch (expected.frame) {
      case 'method':
        throw unexpectedFrame('expected method frame, got non method frame instead');
      case 'header':
        if (type !== HEADER_FRAME) this.assertMethodExpected();
        return this.#header(expected.method, payload);
      case 'body':
        if (type !== BODY_FRAME) this.assertMethodExpected();
        return this.#body(expected, payload);
    }
  }

  #header(method: MethodOf<'basic.publish'>, payload: Buffer): Content | undefined {
    if (payload.length < HEADER_BYTES) {
      const error = frameError(`type ${HEADER_FRAME}, ${snippet(payload)}: unknown_frame`);
      error.at = NOWHERE;
      throw error;
    }
    const classId = payload.readUInt16BE(0);
    if (classId !== BASIC_CLASS) {
      throw unexpectedFrame(`expected content header for class ${BASIC_CLASS}, got one for class ${classId} instead`);
    }
    if (payload.readUInt16BE(2) !== 0) this.assertMethodExpected();
    const size = Number(payload.readBigUInt64BE(4));
    if (size > this.#maxBytes) {
      throw preconditionFailed(`message size ${size} is larger than configured max size ${this.#maxBytes}`);
    }
    const properties = Buffer.from(payload.subarray(HEADER_BYTES));
    if (size === 0) {
      this.#expected = METHOD;
      return { method, properties, body: NO_BODY };
    }
    this.#expected = { frame: 'body', method, properties, parts: [], size, left: size };
    return undefined;
  }

  #body(expected: Extract<Expected, { frame: 'body' }>, payload: Buffer): Content | undefined {
    if (payload.length > expected.left) throw frameError('a content body that is longer than its header says');
    // Empty body frames are allowed, but not kept: a client may send any number.
    if (payload.length > 0) expected.parts.push(ownMemory(payload));
    expected.left -= payload.length;
    if (expected.left > 0) return undefined;
    const { method, properties, parts, size } = expected;
    this.#expected = METHOD;
    return { method, properties, body: parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, size) };
  }
}
