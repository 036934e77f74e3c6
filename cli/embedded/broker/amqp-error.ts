/** What ends a channel or a connection, with the reply codes of AMQP 0-9-1 and their names as RabbitMQ writes them. */
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

/** These end the channel that they happen on; all others the connection. */
const CHANNEL_CODES: ReadonlySet<ReplyCode> = new Set([403, 404, 405, 406]);

/** A short string has 255 bytes; RabbitMQ ends a longer text with three dots. */
const MAX_TEXT_BYTES = 255;

export class AmqpError extends Error {
  readonly code: ReplyCode;
  /** Class and method that it happened at, where it is known. */
  at: { readonly classId: number; readonly methodId: number } | undefined;

  /** @param explanation as it goes over the wire: see wire-text.ts */
  constructor(code: ReplyCode, explanation?: string) {
    super(explanation === undefined ? NAMES[code] : `${NAMES[code]} - ${explanation}`);
    this.code = code;
  }

  get endsConnection(): boolean {
    return !CHANNEL_CODES.has(this.code);
  }

  get replyText(): string {
    if (this.message.length <= MAX_TEXT_BYTES && isReadable(this.message)) return this.message;
    // What is shown of somebody's bytes, or cut within a character, must be a text all the same.
    const readable = readableText(this.message.slice(0, MAX_TEXT_BYTES - 3)).replaceAll('\ufffd', '?');
    return `${wireText(readable)}${this.message.length > MAX_TEXT_BYTES ? '...' : ''}`;
  }
}

/** Of an error that does not belong to a method. */
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
/** RabbitMQ gives no explanation: it has written it into its log. */
export const internalError = (explanation?: string) => new AmqpError(541, explanation);
/** What this broker does not do it says; it never pretends. */
export const notImplemented = (explanation: string) => new AmqpError(540, explanation);
