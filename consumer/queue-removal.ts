/**
 * Deletes the queues of a service that is no more, and with them nothing else: only what is empty and has no consumer goes.
 *
 * RabbitMQ checks that itself for classic queues. For quorum queues it refuses to ("not implemented"), so these are unbound
 * first: what a producer sends from then on comes back to it, and it declares the queue anew. What was on its way has a
 * moment to arrive; what has arrived is seen, and the queue is bound again and stays. So does one whose deletion is
 * interrupted or fails. If the process is killed in between, the next one that declares the queue binds it again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Channel } from 'amqplib';
import { NOT_FOUND } from '../src/amqp/broker-reply.js';
import { type Answer, ask, type Refusal } from '../src/amqp/throwaway-channel.js';
import type { BrokerConfig } from '../src/config.js';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { counted } from '../src/sentence.js';
import { sleep, within } from '../src/time/time-limit.js';
import { logQueues, type QueueDeclaration, type QueueSettings } from '../src/wire.js';
import { openConnection } from './one-connection.js';

export interface ServiceQueue {
  readonly queue: string;
  readonly messages: number;
  readonly consumers: number;
}

export interface QueueRemoval {
  /** Those of the service that exist. @throws LoghiveError LOGHIVE_BROKER_… */
  find(): Promise<readonly ServiceQueue[]>;
  /**
   * @param signal interrupts it: what is not deleted yet is bound again and stays.
   * @returns those that are gone, and why others stay.
   * @throws LoghiveError LOGHIVE_BROKER_…
   */
  remove(
    signal: AbortSignal,
  ): Promise<{ readonly deleted: readonly string[]; readonly kept: ReadonlyMap<string, string> }>;
  close(): Promise<void>;
}

/**
 * Looked at for so long, in milliseconds, before it is deleted. What was routed before it was unbound has arrived by then; and
 * a consumer that stops has given back what it held, which RabbitMQ does not count: it takes 10 s at most.
 */
const WATCHED_MS = 12_000;
const LOOK_EVERY_MS = 500;
/** A queue that has lost its majority may never answer. Milliseconds. */
const ANSWER_MS = 5000;
/** How often something is tried whose answer was lost. */
const ATTEMPTS = 3;
const INTERRUPTED = 'the command was interrupted';

export function openQueueRemoval(broker: BrokerConfig, queues: QueueSettings, service: string): QueueRemoval {
  const connection = openConnection(broker, 'services');

  async function declarations(): Promise<readonly QueueDeclaration[]> {
    return logQueues(service, queues, (await connection.opened()).serverVersion);
  }

  /** No answer in time counts as lost, like one whose connection has ended. */
  async function askOnce(question: (channel: Channel) => Promise<unknown>): Promise<Answer> {
    const answer = ask(await connection.opened(), question, ANSWER_MS).catch((error) => lost(reasonOf(error), error));
    return (await within(ANSWER_MS, answer)) ? answer : lost(NO_ANSWER);
  }

  /**
   * Asked again where the answer was lost: only for what does no harm when it is done twice.
   *
   * @param signal ends that.
   */
  async function answerTo(question: (channel: Channel) => Promise<unknown>, signal?: AbortSignal): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await askOnce(question);
      if (!isLost(answer) || attempt === ATTEMPTS) return answer;
      await delay(LOOK_EVERY_MS);
      if (signal?.aborted) return answer;
    }
  }

  async function look({ queue }: QueueDeclaration, signal?: AbortSignal): Promise<ServiceQueue | undefined> {
    let found: ServiceQueue | undefined;
    const answer = await answerTo(async (channel) => {
      const { messageCount: messages, consumerCount: consumers } = await channel.checkQueue(queue);
      found = { queue, messages, consumers };
    }, signal);
    if (answer.ok) return found;
    if (answer.code === NOT_FOUND) return undefined;
    const code = isLost(answer) ? 'LOGHIVE_BROKER_LOST' : 'LOGHIVE_BROKER_REFUSED';
    throw new LoghiveError(code, `queue "${queue}" cannot be looked at: ${answer.text}`, { cause: answer.error });
  }

  async function find(): Promise<readonly ServiceQueue[]> {
    const found: ServiceQueue[] = [];
    for (const declaration of await declarations()) {
      const queue = await look(declaration);
      if (queue) found.push(queue);
    }
    return found;
  }

  /** @returns why the queue stays; undefined where it is gone. */
  async function removeOne(declaration: QueueDeclaration, signal: AbortSignal): Promise<string | undefined> {
    const ensured = connection.publishChannel.topology.ensure(await connection.opened(), declaration);
    if (!(await within(ANSWER_MS, ensured))) return NO_ANSWER;
    const declared = await ensured;
    const isQuorum = declared === undefined || declared['x-queue-type'] === 'quorum';
    let mayBeUnbound = false;
    const why = await tryToDelete(declaration, isQuorum, signal, () => {
      mayBeUnbound = true;
    }).catch(reasonOf);
    return why !== undefined && mayBeUnbound ? bindAgain(declaration, why) : why;
  }

  /**
   * @param onUnbound called when it may be unbound.
   * @returns why the queue stays; undefined where it is gone.
   */
  async function tryToDelete(
    declaration: QueueDeclaration,
    isQuorum: boolean,
    signal: AbortSignal,
    onUnbound: () => void,
  ): Promise<string | undefined> {
    const { queue, exchange, routingKey } = declaration;
    const flags = isQuorum ? {} : { ifEmpty: true, ifUnused: true };
    for (let attempt = 1; ; attempt++) {
      const unbound = await answerTo((channel) => channel.unbindQueue(queue, exchange, routingKey), signal);
      // Refused, it is bound as before; without an answer nobody knows.
      if (unbound.ok || isLost(unbound)) onUnbound();
      if (!unbound.ok && unbound.code !== NOT_FOUND) return unbound.text;
      const obstacle = await obstacleWhileWatched(declaration, signal);
      if (obstacle !== undefined) return obstacle;
      const deleted = await askOnce((channel) => channel.deleteQueue(queue, flags));
      if (deleted.ok || deleted.code === NOT_FOUND) return undefined;
      // Where the answer was lost the queue may be gone, and a producer may have declared it anew and filled it since.
      if (!isLost(deleted) || attempt === ATTEMPTS) return deleted.text;
      await delay(LOOK_EVERY_MS);
    }
  }

  /** @returns why the queue stays; undefined where it can be deleted, or is gone already. */
  async function obstacleWhileWatched(declaration: QueueDeclaration, signal: AbortSignal): Promise<string | undefined> {
    const endMs = performance.now() + WATCHED_MS;
    for (;;) {
      if (signal.aborted) return INTERRUPTED;
      const now = await look(declaration, signal);
      const obstacle = now && obstacleOf(now);
      if (obstacle !== undefined) return obstacle;
      if (now === undefined || performance.now() >= endMs) return signal.aborted ? INTERRUPTED : undefined;
      await sleep(LOOK_EVERY_MS, signal);
    }
  }

  /** @returns why the queue stays; undefined where it is gone. */
  async function bindAgain(declaration: QueueDeclaration, why: string): Promise<string | undefined> {
    const { queue, exchange, routingKey } = declaration;
    const notBound = (reason: string) =>
      `it could not be bound to exchange "${exchange}" again: ${reason}. Start a consumer of ${service}: it binds its queues`;
    try {
      const bound = await answerTo((channel) => channel.bindQueue(queue, exchange, routingKey));
      if (bound.ok) return why;
      // The exchange may be what is not there.
      if (bound.code === NOT_FOUND && (await look(declaration)) === undefined) return undefined;
      return notBound(bound.text);
    } catch (error) {
      return notBound(reasonOf(error));
    }
  }

  return {
    find,
    async remove(signal) {
      const deleted: string[] = [];
      const kept = new Map<string, string>();
      const each = async (declaration: QueueDeclaration) => {
        const { queue } = declaration;
        const found = await look(declaration, signal);
        if (!found) return;
        const why = signal.aborted ? INTERRUPTED : (obstacleOf(found) ?? (await removeOne(declaration, signal)));
        if (why === undefined) deleted.push(queue);
        else kept.set(queue, why);
      };
      const settled = (await declarations()).map((declaration) =>
        // One failure must not end the command before the other queues are bound again.
        each(declaration).catch((error) => kept.set(declaration.queue, reasonOf(error))),
      );
      await Promise.all(settled);
      return { deleted, kept };
    },
    close: () => connection.close(),
  };
}

/** Why a queue must stay. Pure. */
export function obstacleOf({ messages, consumers }: ServiceQueue): string | undefined {
  const parts = [
    ...(messages === 0 ? [] : [`holds ${counted(messages, 'message')}`]),
    ...(consumers === 0 ? [] : [`has ${counted(consumers, 'consumer')}`]),
  ];
  return parts.length === 0 ? undefined : `it ${parts.join(' and ')}`;
}

const NO_ANSWER = `the broker did not answer within ${ANSWER_MS / 1000} s`;

function lost(text: string, error?: unknown): Refusal {
  return { ok: false, code: undefined, text, connectionText: undefined, error };
}

function isLost(answer: Answer): boolean {
  return !answer.ok && answer.code === undefined;
}
