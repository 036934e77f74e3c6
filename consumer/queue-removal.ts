/**
 * Deletes the queues of a removed service, but only those that are empty and have no consumers.
 *
 * For classic queues RabbitMQ checks both conditions itself. For quorum queues it does not ("not implemented"), so
 * these are unbound first: messages that a producer then sends are returned to it, and it declares the queue again.
 * Messages in flight get time to arrive. If any do, the queue is bound again and kept; likewise if the deletion is
 * interrupted or fails. If the process is killed in between, the next process that declares the queue binds it again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Channel } from 'amqplib';
import { NOT_FOUND } from '../src/amqp/reply.js';
import { type Answer, ask, type Refusal } from '../src/amqp/throwaway-channel.js';
import type { BrokerConfig } from '../src/config.js';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { counted } from '../src/sentence.js';
import { sleep, within } from '../src/time/time-limit.js';
import { logQueues, type QueueDeclaration, type QueueSettings } from '../src/wire.js';
import { openCommandConnection } from './command-connection.js';

export interface ServiceQueue {
  readonly queue: string;
  readonly messages: number;
  readonly consumers: number;
}

export interface QueueRemoval {
  /** The existing queues of the service. @throws LoghiveError LOGHIVE_BROKER_… */
  find(): Promise<readonly ServiceQueue[]>;
  /**
   * @param signal interrupts the removal: queues not deleted yet are bound again and kept.
   * @returns the deleted queues, and for each kept queue the reason.
   * @throws LoghiveError LOGHIVE_BROKER_…
   */
  remove(
    signal: AbortSignal,
  ): Promise<{ readonly deleted: readonly string[]; readonly kept: ReadonlyMap<string, string> }>;
  close(): Promise<void>;
}

/**
 * How long a queue is watched before it is deleted, in milliseconds. Messages routed before the unbind have arrived by
 * then, and a stopping consumer, which needs at most 10 s, has requeued its unacknowledged messages, which RabbitMQ
 * does not count.
 */
const WATCHED_MS = 12_000;
const LOOK_EVERY_MS = 500;
/** Timeout for one request, in milliseconds. A queue without a majority may never answer. */
const ANSWER_MS = 5000;
/** How often a request is tried whose answer was lost. */
const ATTEMPTS = 3;
const INTERRUPTED = 'the command was interrupted';

export function openQueueRemoval(broker: BrokerConfig, queues: QueueSettings, service: string): QueueRemoval {
  const connection = openCommandConnection(broker, 'services');

  async function declarations(): Promise<readonly QueueDeclaration[]> {
    return logQueues(service, queues, (await connection.opened()).serverVersion);
  }

  /** A timeout counts as a lost answer, like a lost connection. */
  async function askOnce(question: (channel: Channel) => Promise<unknown>): Promise<Answer> {
    const answer = ask(await connection.opened(), question, ANSWER_MS).catch((error) => lost(reasonOf(error), error));
    return (await within(ANSWER_MS, answer)) ? answer : lost(NO_ANSWER);
  }

  /**
   * Repeats a request whose answer was lost. Only for requests that are safe to repeat.
   *
   * @param signal stops the retries.
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
    throw new LoghiveError(code, `cannot inspect queue "${queue}": ${answer.text}`, { cause: answer.error });
  }

  async function find(): Promise<readonly ServiceQueue[]> {
    const found: ServiceQueue[] = [];
    for (const declaration of await declarations()) {
      const queue = await look(declaration);
      if (queue) found.push(queue);
    }
    return found;
  }

  /** @returns why the queue was kept; undefined if it is gone. */
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
   * @param onUnbound called when the queue may be unbound.
   * @returns why the queue was kept; undefined if it is gone.
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
      // If the unbind was refused, the queue is still bound. Without an answer that is unknown.
      if (unbound.ok || isLost(unbound)) onUnbound();
      if (!unbound.ok && unbound.code !== NOT_FOUND) return unbound.text;
      const obstacle = await obstacleWhileWatched(declaration, signal);
      if (obstacle !== undefined) return obstacle;
      const deleted = await askOnce((channel) => channel.deleteQueue(queue, flags));
      if (deleted.ok || deleted.code === NOT_FOUND) return undefined;
      // If the answer was lost, the queue may be gone, and a producer may have declared and filled it again since.
      if (!isLost(deleted) || attempt === ATTEMPTS) return deleted.text;
      await delay(LOOK_EVERY_MS);
    }
  }

  /** @returns why the queue is kept; undefined if it can be deleted or is gone already. */
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

  /** @returns why the queue was kept; undefined if it is gone. */
  async function bindAgain(declaration: QueueDeclaration, why: string): Promise<string | undefined> {
    const { queue, exchange, routingKey } = declaration;
    const notBound = (reason: string) =>
      `it could not be bound to exchange "${exchange}" again: ${reason}. Start a consumer of ${service} to bind its queues`;
    try {
      const bound = await answerTo((channel) => channel.bindQueue(queue, exchange, routingKey));
      if (bound.ok) return why;
      // The 404 may be about the exchange.
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
      const removals = (await declarations()).map((declaration) =>
        // One failure must not end the command before the other queues are bound again.
        each(declaration).catch((error) => kept.set(declaration.queue, reasonOf(error))),
      );
      await Promise.all(removals);
      return { deleted, kept };
    },
    close: () => connection.close(),
  };
}

/** Why a queue must be kept. Pure. */
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
