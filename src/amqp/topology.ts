/**
 * Declares exchanges and queues. Passive first, so that existing ones are used as they are, without "configure"
 * permission.
 *
 * A 404 or 406 closes the channel on which it happened, so no declaration uses the channel of another one.
 */

import { Semaphore } from 'async-mutex';
import { StatusLog } from '../status-log.js';
import type { QueueDeclaration } from '../wire.js';
import { ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, RESOURCE_LOCKED } from './broker-reply.js';
import type { OpenConnection } from './open-connection.js';
import { findArguments, type QueueArguments } from './queue-arguments.js';
import { type Refusal, ThrowawayChannel } from './throwaway-channel.js';

export interface Topology {
  /**
   * Ensures that the exchange, the queue and the binding exist. Remembered per connection. Rejects when the connection
   * is lost.
   *
   * @returns the arguments that the queue was declared with; undefined if the broker does not reveal them.
   */
  ensure(connection: OpenConnection, declaration: QueueDeclaration): Promise<QueueArguments | undefined>;
  /** Forgets everything, because something turned out to be missing: it is declared again, after a short delay. */
  forget(): void;
  /** Forgets this queue, so that it is declared again. */
  forgetQueue(queue: string, connection: OpenConnection): void;
}

/**
 * Delay before a deleted queue is declared again, in milliseconds. When RabbitMQ handles the consumers of a deleted
 * queue, it silently subscribes them to a new queue of the same name, if there is one ("there is a slight danger here",
 * says a comment in rabbit_channel.erl). On a quorum queue, such a subscription holds back as many messages as it had
 * received before, until its channel closes (measured with 3.10.8: 60 of 60 with a queue that was deleted and
 * immediately declared again). The delay lets all consumers receive their cancellation first.
 */
const REDECLARE_DELAY_MS = 500;

/**
 * Declarations at the same time. While the disk of the broker is slow, each request about a quorum queue takes half a
 * second. Each declaration uses one channel, and a connection may have only `MIN_CHANNELS`.
 */
export const DECLARATIONS_AT_ONCE = 4;

type Names = Map<string, Promise<QueueArguments | undefined>>;

/** @param notice receives each problem once: different arguments, missing permissions. */
export function createTopology(notice: (sentence: string) => void): Topology {
  let done = new WeakMap<OpenConnection, Names>();
  const notices = new StatusLog(notice);
  const warn = (sentence: string) => notices.once(sentence);
  const declaring = new Semaphore(DECLARATIONS_AT_ONCE);
  let declareAfterMs = 0;
  /** The broker's reply text, once it has refused a quorum queue by closing the connection. */
  let noQuorum: string | undefined;
  /** The arguments of the last queue that existed with different ones. */
  let existingArguments: QueueArguments | undefined;

  function remembered(connection: OpenConnection): Names {
    let names = done.get(connection);
    if (!names) {
      names = new Map();
      done.set(connection, names);
    }
    return names;
  }

  function once(
    connection: OpenConnection,
    name: string,
    declare: (throwaway: ThrowawayChannel) => Promise<QueueArguments | undefined>,
  ): Promise<QueueArguments | undefined> {
    const names = remembered(connection);
    const known = names.get(name);
    if (known) return known;
    const declared = declaring.runExclusive(async () => {
      while (performance.now() < declareAfterMs) await delay(declareAfterMs - performance.now());
      const throwaway = new ThrowawayChannel(connection);
      try {
        return await declare(throwaway);
      } finally {
        await throwaway.close();
      }
    });
    names.set(name, declared);
    declared.catch(() => {
      if (names.get(name) === declared) names.delete(name);
    });
    return declared;
  }

  async function exchange(throwaway: ThrowawayChannel, name: string): Promise<undefined> {
    await declareExchange(throwaway, name, warn);
  }

  async function queue(
    throwaway: ThrowawayChannel,
    declaration: QueueDeclaration,
  ): Promise<QueueArguments | undefined> {
    try {
      const found = await declareQueue(throwaway, declaration, warn, noQuorum);
      if (typeof found !== 'string') return found;
      const again = (args: QueueArguments) => declare(throwaway, { ...declaration, arguments: args });
      const existing = await findArguments(again, declaration.arguments, found, existingArguments);
      existingArguments = existing ?? existingArguments;
      return existing;
    } catch (error) {
      if (error instanceof QuorumRefused) noQuorum = error.message;
      throw error;
    }
  }

  return {
    async ensure(connection, declaration) {
      await once(connection, `exchange ${declaration.exchange}`, (throwaway) =>
        exchange(throwaway, declaration.exchange),
      );
      return once(connection, `queue ${declaration.queue}`, (throwaway) => queue(throwaway, declaration));
    },
    forget() {
      done = new WeakMap();
      declareAfterMs = performance.now() + REDECLARE_DELAY_MS;
    },
    forgetQueue(name, connection) {
      remembered(connection).delete(`queue ${name}`);
    },
  };
}

type Warn = (sentence: string) => void;

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.ceil(ms)).unref();
  });
}

async function declareExchange(throwaway: ThrowawayChannel, name: string, warn: Warn): Promise<void> {
  const exists = await throwaway.ask((channel) => channel.checkExchange(name));
  const declared = await throwaway.ask((channel) => channel.assertExchange(name, 'direct', { durable: true }));
  // The exchange exists, so this user's missing permission to declare it does not matter.
  if (declared.ok || (exists.ok && declared.code === ACCESS_REFUSED)) return;
  if (exists.ok && declared.code === PRECONDITION_FAILED) {
    warn(
      `exchange "${name}" exists with different arguments and is used as it is: ${declared.text}. Delete it to have it declared again.`,
    );
  } else if (declared.code === ACCESS_REFUSED) {
    warn(
      `exchange "${name}" does not exist and the user may not declare it: ${declared.text}. Declare it or grant "configure" on it.`,
    );
  } else {
    refuse(`exchange "${name}"`, declared, warn);
  }
}

/**
 * @param noQuorum why quorum queues are not available.
 * @returns the arguments that it was declared with; the broker's reply text if it exists with different arguments;
 *   undefined if the broker reveals neither.
 */
async function declareQueue(
  throwaway: ThrowawayChannel,
  wanted: QueueDeclaration,
  warn: Warn,
  noQuorum: string | undefined,
): Promise<QueueArguments | string | undefined> {
  const { queue } = wanted;
  const isQuorum = wanted.arguments['x-queue-type'] === 'quorum';
  const exists = await throwaway.ask((channel) => channel.checkQueue(queue));
  const declaration = isQuorum && noQuorum !== undefined ? classicInstead(wanted) : wanted;
  let declared = await declare(throwaway, declaration);

  if (!exists.ok && !declared.ok && declaration.arguments['x-queue-type'] === 'quorum') {
    if (declared.code === PRECONDITION_FAILED) {
      const classic = await declare(throwaway, classicInstead(wanted));
      if (classic.ok) noQuorum = declared.text;
      declared = classic.ok ? classic : declared;
    } else if (/quorum/i.test(declared.connectionText ?? '')) {
      throw new QuorumRefused(declared.connectionText, { cause: declared.error });
    }
  }
  if (isQuorum && noQuorum !== undefined && declared.ok && !exists.ok) {
    warn(`the broker refused a quorum queue (${noQuorum}); classic queues are declared, which are not replicated.`);
  }

  if (declared.ok || (exists.ok && declared.code === ACCESS_REFUSED)) {
    await bind(throwaway, wanted, warn);
    return declared.ok ? declaration.arguments : undefined;
  }
  if (exists.ok && declared.code === PRECONDITION_FAILED) {
    warn(
      `queue "${queue}" exists with different arguments and is used as it is: ${declared.text}. Delete it while it is empty to have it declared again.`,
    );
    await bind(throwaway, wanted, warn);
    return declared.text;
  }
  if (declared.code === ACCESS_REFUSED) {
    warn(
      `queue "${queue}" does not exist and the user may not declare it: ${declared.text}. Declare it or grant "configure" on it.`,
    );
  } else if (declared.code === RESOURCE_LOCKED) {
    warn(
      `queue "${queue}" is exclusive to another connection: ${declared.text}. Close that connection, or use another service name.`,
    );
  } else {
    refuse(`queue "${queue}"`, declared, warn);
  }
  return undefined;
}

const declare = (
  throwaway: ThrowawayChannel,
  { queue, arguments: args }: Pick<QueueDeclaration, 'queue' | 'arguments'>,
) => throwaway.ask((channel) => channel.assertQueue(queue, { durable: true, arguments: args }));

/**
 * The broker closed the connection because it has no quorum queues. On the next connection only classic queues are
 * declared.
 */
class QuorumRefused extends Error {}

/** The same declaration without the arguments of quorum queues. */
function classicInstead(declaration: QueueDeclaration): QueueDeclaration {
  const {
    'x-queue-type': _type,
    'x-delivery-limit': _limit,
    'x-dead-letter-strategy': _strategy,
    ...rest
  } = declaration.arguments;
  return { ...declaration, arguments: rest };
}

async function bind(throwaway: ThrowawayChannel, declaration: QueueDeclaration, warn: Warn): Promise<void> {
  const { queue, exchange, routingKey } = declaration;
  const bound = await throwaway.ask((channel) => channel.bindQueue(queue, exchange, routingKey));
  if (bound.ok) return;
  if (bound.code !== ACCESS_REFUSED && bound.code !== NOT_FOUND) {
    refuse(`the binding of queue "${queue}"`, bound, warn);
  }
  warn(
    `queue "${queue}" could not be bound to exchange "${exchange}" by key "${routingKey}": ${bound.text}. Bind it, or grant "write" on the queue and "read" on the exchange.`,
  );
}

/** Reports a refusal for an unexpected reason, and throws so that the declaration is retried later. */
function refuse(what: string, { code, text, error }: Refusal, warn: Warn): never {
  if (code !== undefined) warn(`the broker refused ${what}: ${text}. Loghive keeps retrying.`);
  throw error;
}
