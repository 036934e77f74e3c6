/** What the broker said when it closed a channel or a connection. */
import { reasonOf } from '../errors.js';

/** AMQP reply codes (https://www.rabbitmq.com/docs/channels#common-errors). */
export const ACCESS_REFUSED = 403;
export const NOT_FOUND = 404;
export const RESOURCE_LOCKED = 405;
export const PRECONDITION_FAILED = 406;

/** Undefined when it was not the broker that said no: then the connection ended. */
export function replyCode(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

/** The broker's own words out of amqplib's sentence, without a full stop behind them. */
export function replyText(error: unknown): string {
  const said = reasonOf(error);
  return (/with message "(?<reply>.*)"$/s.exec(said)?.groups?.reply ?? said).replace(/\.$/, '');
}
