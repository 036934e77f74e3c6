/**
 * Publishes one message and reports everything that the broker says about it: a confirm, a return, a refusal, and
 * whether it blocks publishers. RabbitMQ tells a connection of an alarm only when it publishes.
 */
import type { ConfirmChannel, Options } from 'amqplib';
import { replyCode, replyText } from '../../src/amqp/broker-reply.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { within } from '../../src/time/time-limit.js';

export interface Published {
  readonly answer:
    | { readonly kind: 'confirmed'; readonly ms: number }
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
  const sentMs = performance.now();
  let isReturned = false;
  return new Promise((resolve) => {
    channel.on('return', () => {
      isReturned = true;
    });
    channel.on('error', (error) => resolve({ kind: 'refused', code: replyCode(error), text: replyText(error) }));
    channel.publish(exchange, routingKey, content, { ...options, mandatory: true }, (error) => {
      // A closed channel rejects as well; its error says more.
      if (error) setImmediate(() => resolve({ kind: 'nacked' }));
      else resolve(isReturned ? { kind: 'returned' } : { kind: 'confirmed', ms: performance.now() - sentMs });
    });
  });
}

async function openAnother({ model }: OpenConnection): Promise<void> {
  await (await model.createChannel()).close();
}
