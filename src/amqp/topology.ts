/**
 * Declares exchanges and queues: passive first, so that what exists is used as it is and needs no right to configure.
 *
 * A 404 or 406 closes the channel it happened on, so every question has a channel of its own that may be thrown away.
 */

import type { Channel } from 'amqplib';
import { Mutex } from 'async-mutex';
import { reasonOf } from '../errors.js';
import type { QueueDeclaration } from '../wire.js';
import type { Link } from './link.js';

/** AMQP reply codes (https://www.rabbitmq.com/docs/channels#common-errors). */
const ACCESS_REFUSED = 403;
const NOT_FOUND = 404;
const RESOURCE_LOCKED = 405;
const PRECONDITION_FAILED = 406;

export interface Topology {
  /** Makes sure that the exchange, the queue and the binding are there; remembered per connection. Rejects when the connection is lost. */
  ensure(link: Link, declaration: QueueDeclaration): Promise<void>;
  /** Makes sure that the exchange is there. */
  ensureExchange(link: Link, exchange: string): Promise<void>;
  /** The broker showed that something of it is gone: ask again next time. */
  forget(): void;
}

/** @param notice takes what a person should know, each sentence once: other arguments, missing permissions. */
export function createTopology(notice: (sentence: string) => void): Topology {
  const done = new WeakMap<Link, Set<string>>();
  const told = new Set<string>();
  const mutex = new Mutex();
  let generation = 0;

  function tell(sentence: string): void {
    if (told.has(sentence)) return;
    told.add(sentence);
    notice(sentence);
  }

  function remembered(link: Link): Set<string> {
    let names = done.get(link);
    if (!names) {
      names = new Set();
      done.set(link, names);
    }
    return names;
  }

  async function once(link: Link, name: string, declare: () => Promise<void>): Promise<void> {
    const key = () => `${generation}:${name}`;
    if (remembered(link).has(key())) return;
    await declare();
    remembered(link).add(key());
  }

  const exchange = (link: Link, name: string) =>
    once(link, `exchange ${name}`, () => declareExchange(link, name, tell));

  return {
    ensureExchange: (link, name) => mutex.runExclusive(() => exchange(link, name)),
    ensure: (link, declaration) =>
      mutex.runExclusive(async () => {
        await exchange(link, declaration.exchange);
        await once(link, `queue ${declaration.queue}`, () => declareQueue(link, declaration, tell));
      }),
    forget() {
      generation++;
    },
  };
}

async function declareExchange(link: Link, name: string, tell: (sentence: string) => void): Promise<void> {
  const exists = await attempt(link, (channel) => channel.checkExchange(name));
  const declared = await attempt(link, (channel) => channel.assertExchange(name, 'direct', { durable: true }));
  if (declared.ok) return;
  if (exists.ok && declared.code === PRECONDITION_FAILED) {
    tell(`exchange "${name}" exists with other arguments and is used as it is: ${declared.text}`);
  } else if (exists.ok && declared.code === ACCESS_REFUSED) {
    // It is there; that this user may not declare it does not matter.
  } else if (declared.code === ACCESS_REFUSED) {
    tell(
      `the user may not declare exchange "${name}", and it is not there: ${declared.text}. Declare it or grant "configure" on it.`,
    );
  } else {
    throw declared.error;
  }
}

async function declareQueue(
  link: Link,
  declaration: QueueDeclaration,
  tell: (sentence: string) => void,
): Promise<void> {
  const { queue } = declaration;
  const exists = await attempt(link, (channel) => channel.checkQueue(queue));
  if (!exists.ok && exists.code !== NOT_FOUND && exists.code !== ACCESS_REFUSED && exists.code !== RESOURCE_LOCKED)
    throw exists.error;

  const declared = await attempt(link, (channel) =>
    channel.assertQueue(queue, { durable: true, arguments: declaration.arguments }),
  );
  if (!declared.ok) {
    if (exists.ok && declared.code === PRECONDITION_FAILED) {
      tell(`queue "${queue}" exists with other arguments and is used as it is: ${declared.text}`);
    } else if (declared.code === ACCESS_REFUSED || declared.code === RESOURCE_LOCKED) {
      if (!exists.ok)
        tell(`the user may not declare queue "${queue}": ${declared.text}. Declare it or grant "configure" on it.`);
    } else if (!exists.ok && declaration.arguments['x-queue-type'] === 'quorum' && declared.code !== undefined) {
      return declareClassicInstead(link, declaration, declared, tell);
    } else {
      throw declared.error;
    }
  }
  await bind(link, declaration, tell);
}

async function declareClassicInstead(
  link: Link,
  declaration: QueueDeclaration,
  refusal: Refusal,
  tell: (sentence: string) => void,
): Promise<void> {
  const {
    'x-queue-type': _type,
    'x-delivery-limit': _limit,
    'x-dead-letter-strategy': _strategy,
    ...rest
  } = declaration.arguments;
  tell(
    `the broker refused a quorum queue (${refusal.text}); classic queues are declared, which live on one node only.`,
  );
  await declareQueue(link, { ...declaration, arguments: rest }, tell);
}

async function bind(link: Link, declaration: QueueDeclaration, tell: (sentence: string) => void): Promise<void> {
  const { queue, exchange, routingKey } = declaration;
  const bound = await attempt(link, (channel) => channel.bindQueue(queue, exchange, routingKey));
  if (bound.ok) return;
  if (bound.code !== ACCESS_REFUSED && bound.code !== NOT_FOUND) throw bound.error;
  tell(
    `queue "${queue}" could not be bound to exchange "${exchange}" by key "${routingKey}": ${bound.text}. Bind it, or grant "write" on the queue and "read" on the exchange.`,
  );
}

interface Refusal {
  readonly ok: false;
  /** The AMQP reply code; undefined when the connection went away instead. */
  readonly code: number | undefined;
  readonly text: string;
  readonly error: unknown;
}

/** Asks one question on a channel of its own. A refusal is a result; only what amqplib cannot do throws. */
async function attempt(link: Link, ask: (channel: Channel) => Promise<unknown>): Promise<{ ok: true } | Refusal> {
  const channel = await link.model.createChannel();
  // The same error also rejects the question itself.
  channel.on('error', () => {});
  try {
    await ask(channel);
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    return { ok: false, code: typeof code === 'number' ? code : undefined, text: replyText(error), error };
  }
  // Nobody waits for this channel's end; when the connection is lost meanwhile, the channel has ended as well.
  channel.close().catch(() => {});
  return { ok: true };
}

/** The broker's own words out of amqplib's sentence. */
function replyText(error: unknown): string {
  return /with message "(?<reply>.*)"$/s.exec(reasonOf(error))?.groups?.reply ?? reasonOf(error);
}
