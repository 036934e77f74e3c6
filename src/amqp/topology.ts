/**
 * Declares exchanges and queues: passive first, so that what exists is used as it is and needs no right to configure.
 *
 * A 404 or 406 closes the channel it happened on, so every question has a channel of its own that may be thrown away.
 */

import { Mutex } from 'async-mutex';
import { StatusLog } from '../status-log.js';
import type { QueueDeclaration } from '../wire.js';
import type { OpenConnection } from './open-connection.js';
import { learnArguments, type QueueArguments } from './queue-arguments.js';
import { ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, RESOURCE_LOCKED } from './reply.js';
import { ask, type Refusal } from './throwaway-channel.js';

export interface Topology {
  /**
   * Makes sure that the exchange, the queue and the binding are there; remembered per connection. Rejects when the
   * connection is lost.
   *
   * @returns what the queue was declared with; undefined where the broker does not say.
   */
  ensure(connection: OpenConnection, declaration: QueueDeclaration): Promise<QueueArguments | undefined>;
  /** The broker showed that something of it is gone: ask again next time, after a rest. */
  forget(): void;
  /** What this queue is may change: ask again next time. */
  forgetQueue(queue: string, connection: OpenConnection): void;
}

/**
 * RabbitMQ subscribes the readers of a deleted queue, without a word, to one of the same name that it finds when it sees to
 * them ("there is a slight danger here", says a comment in rabbit_channel.erl). On a quorum queue such a subscription
 * swallows as many messages as it was given before; they come back only when its channel ends (measured with 3.10.8: 60 of
 * 60 that were deleted and declared in one breath). So what is gone stays away until all its readers have been told.
 */
const REST_MS = 500;

/** @param notice takes what a person should know, each sentence once: other arguments, missing permissions. */
export function createTopology(notice: (sentence: string) => void): Topology {
  let done = new WeakMap<OpenConnection, Map<string, QueueArguments | undefined>>();
  const said = new StatusLog(notice);
  const tell = (sentence: string) => said.once(sentence);
  const mutex = new Mutex();
  let restUntilMs = 0;
  /** The broker's words, once it has refused a quorum queue by closing the connection. */
  let noQuorum: string | undefined;
  /** What the last queue had that was there with other arguments. */
  let learnt: QueueArguments | undefined;

  function remembered(connection: OpenConnection): Map<string, QueueArguments | undefined> {
    let names = done.get(connection);
    if (!names) {
      names = new Map();
      done.set(connection, names);
    }
    return names;
  }

  async function once(
    connection: OpenConnection,
    name: string,
    declare: () => Promise<QueueArguments | undefined>,
  ): Promise<QueueArguments | undefined> {
    if (remembered(connection).has(name)) return remembered(connection).get(name);
    while (performance.now() < restUntilMs) await restFor(restUntilMs - performance.now());
    // What is forgotten while it is being declared is asked for again: then this is not the list that counts any more.
    const names = remembered(connection);
    const found = await declare();
    names.set(name, found);
    return found;
  }

  const exchange = (connection: OpenConnection, name: string) =>
    once(connection, `exchange ${name}`, async () => {
      await declareExchange(connection, name, tell);
      return undefined;
    });

  async function queue(connection: OpenConnection, declaration: QueueDeclaration): Promise<QueueArguments | undefined> {
    try {
      const found = await declareQueue(connection, declaration, tell, noQuorum);
      if (typeof found !== 'string') return found;
      const again = (args: QueueArguments) => declare(connection, { ...declaration, arguments: args });
      const existing = await learnArguments(again, declaration.arguments, found, learnt);
      learnt = existing ?? learnt;
      return existing;
    } catch (error) {
      if (error instanceof QuorumRefused) noQuorum = error.message;
      throw error;
    }
  }

  return {
    ensure: (connection, declaration) =>
      mutex.runExclusive(async () => {
        await exchange(connection, declaration.exchange);
        return once(connection, `queue ${declaration.queue}`, () => queue(connection, declaration));
      }),
    forget() {
      done = new WeakMap();
      restUntilMs = performance.now() + REST_MS;
    },
    forgetQueue(name, connection) {
      remembered(connection).delete(`queue ${name}`);
    },
  };
}

type Tell = (sentence: string) => void;

function restFor(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.ceil(ms)).unref();
  });
}

async function declareExchange(connection: OpenConnection, name: string, tell: Tell): Promise<void> {
  const exists = await ask(connection, (channel) => channel.checkExchange(name));
  const declared = await ask(connection, (channel) => channel.assertExchange(name, 'direct', { durable: true }));
  // It is there; that this user may not declare it does not matter.
  if (declared.ok || (exists.ok && declared.code === ACCESS_REFUSED)) return;
  if (exists.ok && declared.code === PRECONDITION_FAILED) {
    tell(
      `exchange "${name}" exists with other arguments and is used as it is: ${declared.text}. Delete it to have it declared anew.`,
    );
  } else if (declared.code === ACCESS_REFUSED) {
    tell(
      `the user may not declare exchange "${name}", and it is not there: ${declared.text}. Declare it or grant "configure" on it.`,
    );
  } else {
    refuse(`exchange "${name}"`, declared, tell);
  }
}

/**
 * @param noQuorum why only classic queues are to be had.
 * @returns what it was declared with; the broker's refusal where it exists with other arguments; undefined where the
 *   broker says neither.
 */
async function declareQueue(
  connection: OpenConnection,
  wanted: QueueDeclaration,
  tell: Tell,
  noQuorum: string | undefined,
): Promise<QueueArguments | string | undefined> {
  const { queue } = wanted;
  const isQuorum = wanted.arguments['x-queue-type'] === 'quorum';
  const exists = await ask(connection, (channel) => channel.checkQueue(queue));
  const declaration = isQuorum && noQuorum !== undefined ? classicInstead(wanted) : wanted;
  let declared = await declare(connection, declaration);

  if (!exists.ok && !declared.ok && declaration.arguments['x-queue-type'] === 'quorum') {
    if (declared.code === PRECONDITION_FAILED) {
      const classic = await declare(connection, classicInstead(wanted));
      if (classic.ok) noQuorum = declared.text;
      declared = classic.ok ? classic : declared;
    } else if (/quorum/i.test(declared.connectionText ?? '')) {
      throw new QuorumRefused(declared.connectionText, { cause: declared.error });
    }
  }
  if (isQuorum && noQuorum !== undefined && declared.ok && !exists.ok) {
    tell(`the broker refused a quorum queue (${noQuorum}); classic queues are declared, which live on one node only.`);
  }

  if (declared.ok || (exists.ok && declared.code === ACCESS_REFUSED)) {
    await bind(connection, wanted, tell);
    return declared.ok ? declaration.arguments : undefined;
  }
  if (exists.ok && declared.code === PRECONDITION_FAILED) {
    tell(
      `queue "${queue}" exists with other arguments and is used as it is: ${declared.text}. Delete it while it is empty to have it declared anew.`,
    );
    await bind(connection, wanted, tell);
    return declared.text;
  }
  if (declared.code === ACCESS_REFUSED) {
    tell(
      `the user may not declare queue "${queue}", and it is not there: ${declared.text}. Declare it or grant "configure" on it.`,
    );
  } else if (declared.code === RESOURCE_LOCKED) {
    tell(
      `queue "${queue}" belongs to another connection alone: ${declared.text}. End that connection, or use another name of service.`,
    );
  } else {
    refuse(`queue "${queue}"`, declared, tell);
  }
  return undefined;
}

const declare = (
  connection: OpenConnection,
  { queue, arguments: args }: Pick<QueueDeclaration, 'queue' | 'arguments'>,
) => ask(connection, (channel) => channel.assertQueue(queue, { durable: true, arguments: args }));

/** The connection ended because the broker has no quorum queues; on the next one only classic ones are asked for. */
class QuorumRefused extends Error {}

/** Without the arguments that only quorum queues know. */
function classicInstead(declaration: QueueDeclaration): QueueDeclaration {
  const {
    'x-queue-type': _type,
    'x-delivery-limit': _limit,
    'x-dead-letter-strategy': _strategy,
    ...rest
  } = declaration.arguments;
  return { ...declaration, arguments: rest };
}

async function bind(connection: OpenConnection, declaration: QueueDeclaration, tell: Tell): Promise<void> {
  const { queue, exchange, routingKey } = declaration;
  const bound = await ask(connection, (channel) => channel.bindQueue(queue, exchange, routingKey));
  if (bound.ok) return;
  if (bound.code !== ACCESS_REFUSED && bound.code !== NOT_FOUND) {
    refuse(`the binding of queue "${queue}"`, bound, tell);
  }
  tell(
    `queue "${queue}" could not be bound to exchange "${exchange}" by key "${routingKey}": ${bound.text}. Bind it, or grant "write" on the queue and "read" on the exchange.`,
  );
}

/** What is refused for a reason that is not foreseen is told, and asked again later. */
function refuse(what: string, { code, text, error }: Refusal, tell: Tell): never {
  if (code !== undefined) tell(`the broker refused ${what}: ${text}. Loghive goes on trying.`);
  throw error;
}
