/**
 * Finds out whether queues and the exchange exist, with which arguments, and what the user may do with them. Changes
 * nothing: each permission is tried with a request that RabbitMQ refuses for another reason after it has checked the
 * permission.
 */

import type { Channel } from 'amqplib';
import { ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, RESOURCE_LOCKED } from '../../src/amqp/broker-reply.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { findArguments, type QueueArguments } from '../../src/amqp/queue-arguments.js';
import { type Answer, ThrowawayChannel } from '../../src/amqp/throwaway-channel.js';
import { within } from '../../src/time/time-limit.js';
import type { QueueDeclaration } from '../../src/wire.js';

export interface QueueFacts {
  readonly queue: string;
  readonly wanted: QueueArguments;
  /** `hidden`: the user may not even look. `locked`: exclusive to another connection. `silent`: it did not answer. */
  readonly presence: 'there' | 'missing' | 'hidden' | 'locked' | 'silent';
  /** Messages ready for delivery. */
  readonly messages: number;
  readonly consumers: number;
  /** Undefined if the broker does not reveal them. */
  readonly current: QueueArguments | undefined;
  readonly may: Permissions;
}

/** Whether the user may declare it, bind or publish to it, consume from it. */
export interface Permissions {
  readonly configure: boolean;
  readonly write: boolean;
  readonly read: boolean;
}

/** In milliseconds. A quorum queue without a majority never answers. */
const ANSWER_MS = 2500;
/** A routing key by which nothing is bound. */
export const NO_KEY = 'loghive.doctor';
const ALLOWED: Permissions = { configure: true, write: true, read: true };

/** @throws the error of amqplib if the connection is lost. */
export async function lookAtQueue(connection: OpenConnection, declaration: QueueDeclaration): Promise<QueueFacts> {
  const { queue, exchange, arguments: wanted } = declaration;
  const throwaway = new ThrowawayChannel(connection);
  const request = asking(throwaway);
  const declare = (args: QueueArguments) =>
    request((channel) => channel.assertQueue(queue, { durable: true, arguments: args }));
  let depth = { messages: 0, consumers: 0 };
  try {
    const looked = await request(async (channel) => {
      const { messageCount, consumerCount } = await channel.checkQueue(queue);
      depth = { messages: messageCount, consumers: consumerCount };
    });
    const presence = presenceOf(looked);
    const facts = { queue, wanted, presence, ...depth };
    if (presence === 'locked' || presence === 'silent') return { ...facts, current: undefined, may: ALLOWED };
    const declared = await declare(presence === 'there' ? wanted : { ...wanted, 'x-message-ttl': -1 });
    return {
      ...facts,
      current: presence === 'there' ? await currentArguments(declare, wanted, declared) : undefined,
      may: hasPermissions(connection)
        ? {
            configure: isAllowed(declared),
            write: isAllowed(await request((channel) => channel.unbindQueue(queue, exchange, NO_KEY))),
            read: isAllowed(await request((channel) => tryToConsume(channel, queue))),
          }
        : ALLOWED,
    };
  } finally {
    void throwaway.close();
  }
}

/** An unresponsive queue may also keep the broker from closing the channel. */
function asking(throwaway: ThrowawayChannel): (work: (channel: Channel) => Promise<unknown>) => Promise<Answer> {
  return async (work) => {
    const answer = throwaway.ask(work, ANSWER_MS);
    return (await within(ANSWER_MS + 500, answer)) ? answer : NO_ANSWER;
  };
}

const NO_ANSWER: Answer = {
  ...{ ok: false, code: undefined, text: 'no answer', connectionText: undefined },
  error: new Error('no answer'),
};

/** The development broker has none, and does not know the requests that try them. */
function hasPermissions({ serverProduct }: OpenConnection): boolean {
  return serverProduct === 'RabbitMQ';
}

function presenceOf(answer: Answer): QueueFacts['presence'] {
  if (answer.ok) return 'there';
  switch (answer.code) {
    case NOT_FOUND:
      return 'missing';
    case ACCESS_REFUSED:
      return 'hidden';
    case RESOURCE_LOCKED:
      return 'locked';
    case undefined:
      return 'silent';
    default:
      throw answer.error;
  }
}

async function currentArguments(
  declare: (args: QueueArguments) => Promise<Answer>,
  wanted: QueueArguments,
  declared: Answer,
): Promise<QueueArguments | undefined> {
  if (declared.ok) return wanted;
  if (declared.code !== PRECONDITION_FAILED) return undefined;
  return findArguments(declare, wanted, declared.text, undefined);
}

function isAllowed(answer: Answer): boolean {
  return answer.ok || answer.code !== ACCESS_REFUSED;
}

/** Refused because a priority is a number. Were it accepted, the consumer would end with the channel. */
async function tryToConsume(channel: Channel, queue: string): Promise<void> {
  await channel.prefetch(1);
  const { consumerTag } = await channel.consume(queue, () => {}, { arguments: { 'x-priority': 'none' } });
  await channel.cancel(consumerTag);
}

export interface ExchangeFacts {
  readonly exchange: string;
  readonly presence: 'there' | 'missing' | 'hidden';
  readonly mayDeclare: boolean;
  /** How it differs, as the broker says it; undefined if it does not, or if that is hidden. */
  readonly difference: string | undefined;
}

/** @throws the error of amqplib if the connection is lost. */
export async function lookAtExchange(connection: OpenConnection, exchange: string): Promise<ExchangeFacts> {
  const throwaway = new ThrowawayChannel(connection);
  const request = asking(throwaway);
  try {
    const looked = await request((channel) => channel.checkExchange(exchange));
    if (!looked.ok && looked.code !== NOT_FOUND && looked.code !== ACCESS_REFUSED) throw looked.error;
    const presence = looked.ok ? 'there' : looked.code === NOT_FOUND ? 'missing' : 'hidden';
    // An alternate exchange has a name, not a number.
    const args = presence === 'there' ? {} : { 'alternate-exchange': 5 };
    const declared =
      presence === 'there' || hasPermissions(connection)
        ? await request((channel) => channel.assertExchange(exchange, 'direct', { durable: true, arguments: args }))
        : looked;
    const isDifferent = presence === 'there' && !declared.ok && declared.code === PRECONDITION_FAILED;
    return {
      exchange,
      presence,
      mayDeclare: isAllowed(declared),
      difference: isDifferent ? declared.text : undefined,
    };
  } finally {
    void throwaway.close();
  }
}
