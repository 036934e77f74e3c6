/**
 * Publishes one message and reports the broker's response: a confirm, a return, a nack, a refusal, or that it blocks
 * publishers. RabbitMQ sends `connection.blocked` to a connection only after that connection has published.
 */
import type { ConfirmChannel, Options } from 'amqplib';
import { isNack } from '../../src/amqp/amqplib-internals.js';
import { replyCode, replyText } from '../../src/amqp/broker-reply.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { within } from '../../src/time/time-limit.js';

export interface Published {
  readonly answer:
    | { readonly kind: 'confirmed' }
    /** No queue took it. */
    | { readonly kind: 'returned' }
    /** A queue is full. */
    | { readonly kind: 'nacked' }
    | { readonly kind: 'refused'; readonly code: number | undefined; readonly text: string }
    | { readonly kind: 'none' };
  /** Why the broker blocks publishers: `low on memory`. */
  readonly blocked: string | undefined;
}

export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly options?: Options.Publish;
}

/** @param connection used for nothing else: if it is blocked, the broker reads nothing from it any more. */
export async function publishOnce(connection: OpenConnection, message: Message, timeoutMs: number): Promise<Published> {
  const { model } = connection;
  let blocked: string | undefined;
  const alarm = new Promise<void>((resolve) => {
    model.once('blocked', (reason: string) => {
      blocked = reason;
      resolve();
    });
  });
  const channel = await model.createConfirmChannel();
  let answer: Published['answer'] = { kind: 'none' };
  const answered = answerTo(channel, message).then((found) => {
    answer = found;
  });
  await within(timeoutMs, Promise.race([answered, alarm]));
  // The confirm may overtake the alarm, but no other answer does.
  if (blocked === undefined) await within(timeoutMs, Promise.race([openAnother(connection), alarm]));
  return { answer, blocked };
}

function answerTo(channel: ConfirmChannel, message: Message): Promise<Published['answer']> {
  const { exchange, routingKey, content, options } = message;
  let isReturned = false;
  return new Promise((resolve) => {
    channel.on('return', () => {
      isReturned = true;
    });
    channel.on('error', (error) => resolve({ kind: 'refused', code: replyCode(error), text: replyText(error) }));
    channel.publish(exchange, routingKey, content, { ...options, mandatory: true }, (error) => {
      // A refusal has already resolved with the error of the channel.
      if (error) resolve({ kind: isNack(error) ? 'nacked' : 'none' });
      else resolve({ kind: isReturned ? 'returned' : 'confirmed' });
    });
  });
}

async function openAnother({ model }: OpenConnection): Promise<void> {
  await (await model.createChannel()).close();
}
