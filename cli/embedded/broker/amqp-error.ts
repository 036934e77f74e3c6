/** Errors that close a channel or a connection, with AMQP 0-9-1 reply codes and RabbitMQ's names for them. */
import { isReadable, readableText, wireText } from './wire/wire-text.js';

const NAMES = {
  320: 'CONNECTION_FORCED',
  403: 'ACCESS_REFUSED',
  404: 'NOT_FOUND',
  405: 'RESOURCE_LOCKED',
  406: 'PRECONDITION_FAILED',
  501: 'FRAME_ERROR',
  502: 'SYNTAX_ERROR',
  503: 'COMMAND_INVALID',
  504: 'CHANNEL_ERROR',
  505: 'UNEXPECTED_FRAME',
  530: 'NOT_ALLOWED',
  540: 'NOT_IMPLEMENTED',
  541: 'INTERNAL_ERROR',
} as const;

export type ReplyCode = keyof typeof NAMES;

/** These codes close the channel; all others close the connection. */
const CHANNEL_CODES: ReadonlySet<ReplyCode> = new Set([403, 404, 405, 406]);

/** Limit of a short string. RabbitMQ ends longer texts with three dots. */
const MAX_TEXT_BYTES = 255;

export class AmqpError extends Error {
  readonly code: ReplyCode;
  /** Class and method that caused the error, if known. */
  at: { readonly classId: number; readonly methodId: number } | undefined;

  /** @param explanation in wire encoding; see wire-text.ts. */
  constructor(code: ReplyCode, explanation?: string) {
    super(explanation === undefined ? NAMES[code] : `${NAMES[code]} - ${explanation}`);
    this.code = code;
  }

  get closesConnection(): boolean {
    return !CHANNEL_CODES.has(this.code);
  }

  get replyText(): string {
    if (this.message.length <= MAX_TEXT_BYTES && isReadable(this.message)) return this.message;
    // Quoted client bytes, or a text cut inside a character, must still be valid UTF-8.
    const readable = readableText(this.message.slice(0, MAX_TEXT_BYTES - 3)).replaceAll('\ufffd', '?');
    return `${wireText(readable)}${this.message.length > MAX_TEXT_BYTES ? '...' : ''}`;
  }
}

/** For an error that was not caused by a method. */
export const NOWHERE = { classId: 0, methodId: 0 };

export const accessRefused = (explanation: string) => new AmqpError(403, explanation);
export const notFound = (explanation: string) => new AmqpError(404, explanation);
export const resourceLocked = (explanation: string) => new AmqpError(405, explanation);
export const preconditionFailed = (explanation: string) => new AmqpError(406, explanation);
export const frameError = (explanation: string) => new AmqpError(501, explanation);
export const syntaxError = (explanation: string) => new AmqpError(502, explanation);
export const commandInvalid = (explanation: string) => new AmqpError(503, explanation);
export const channelError = (explanation: string) => new AmqpError(504, explanation);
export const unexpectedFrame = (explanation: string) => new AmqpError(505, explanation);
export const notAllowed = (explanation: string) => new AmqpError(530, explanation);
/** RabbitMQ sends no explanation; it only logs it. */
export const internalError = (explanation?: string) => new AmqpError(541, explanation);
/** Unsupported features are refused explicitly, never ignored. */
export const notImplemented = (explanation: string) => new AmqpError(540, explanation);
