/** The reply code and text with which the broker closed a channel or a connection. */
import { brokerReplyText, failedMethodOf } from './amqplib-internals.js';

/** AMQP reply codes (https://www.rabbitmq.com/docs/channels#common-errors). */
export const ACCESS_REFUSED = 403;
export const NOT_FOUND = 404;
export const RESOURCE_LOCKED = 405;
export const PRECONDITION_FAILED = 406;
export const INTERNAL_ERROR = 541;

/** Undefined if the broker sent no reply code, because the connection was lost. */
export function replyCode(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

/** The broker's reply text, without a trailing full stop. */
export function replyText(error: unknown): string {
  return brokerReplyText(error).replace(/\.$/, '');
}

/** The broker's message size limit in bytes, if it closed a channel because a message was larger. */
export function messageLimit(reason: string): number | undefined {
  const bytes = /larger than (?:configured )?max size (?<bytes>\d+)/.exec(reason)?.groups?.bytes;
  return bytes === undefined ? undefined : Number(bytes);
}

/** https://www.rabbitmq.com/amqp-0-9-1-reference#basic.consume */
const BASIC_CLASS = 60;
const CONSUME_METHOD = 20;

/** Whether the broker closed the channel because it refused a `basic.consume`. */
export function isRefusedConsume(error: unknown): boolean {
  const { classId, methodId } = failedMethodOf(error);
  return replyCode(error) !== undefined && classId === BASIC_CLASS && methodId === CONSUME_METHOD;
}

/**
 * Whether the broker closed the whole connection with an internal error, as it does at a `basic.consume` of a quorum
 * queue without a majority.
 */
export function isInternalError(error: unknown): boolean {
  return replyCode(error) === INTERNAL_ERROR;
}
