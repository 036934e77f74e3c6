/** Queue and exchange methods. Exchanges are direct, and can only be bound to queues. */

import { randomBytes } from 'node:crypto';
import {
  type AmqpError,
  accessRefused,
  commandInvalid,
  notFound,
  notImplemented,
  preconditionFailed,
} from '../amqp-error.js';
import { assertSame, assertSameArguments } from '../queues/equivalence.js';
import type { Queue } from '../queues/queue.js';
import { ARGUMENTS_OF, queueSettings } from '../queues/queue-arguments.js';
import { DEFAULT_EXCHANGE, type Vhost } from '../queues/vhost.js';
import { type FieldTable, lookUp } from '../wire/field-table.js';
import type { MethodOf } from '../wire/method-table.js';

/** Where a method is executed, and for which connection. */
export interface Site {
  readonly vhost: Vhost;
  /** The connection, which owns its exclusive queues. */
  readonly owner: object;
  /** The last queue declared on the channel, which an empty name refers to. */
  lastQueue: string | undefined;
}

const NO_LAST_QUEUE = 'no previously declared queue';

/** An empty name refers to the last declared queue. */
export function resolveQueueName(site: Site, name: string): string {
  if (name !== '') return name;
  if (site.lastQueue === undefined) throw notFound(NO_LAST_QUEUE);
  return site.lastQueue;
}

export function declareQueue(site: Site, method: MethodOf<'queue.declare'>): Queue {
  const name = withoutLineEnds(method.queue);
  const queue = method.passive ? site.vhost.queue(name, site.owner) : findOrDeclare(site, name, method);
  site.lastQueue = queue.name;
  return queue;
}

function findOrDeclare({ vhost, owner }: Site, name: string, method: MethodOf<'queue.declare'>): Queue {
  const { exclusive, autoDelete } = method;
  const durable = method.durable && !exclusive;
  if (name.startsWith('amq.')) throw accessRefused(`queue name '${name}' contains reserved prefix 'amq.*'`);
  const existing = vhost.findQueue(name);
  if (existing) {
    assertEquivalent(vhost, existing, { durable, autoDelete, owner: exclusive ? owner : undefined }, method.arguments);
    existing.used();
    return existing;
  }
  const settings = queueSettings(vhost.describe('queue', name), method.arguments);
  if (settings.type === 'quorum') assertFitsQuorum(vhost, name, { durable, autoDelete, exclusive });
  return vhost.declareQueue(
    {
      name: name || generatedName('amq.gen'),
      durable,
      autoDelete,
      owner: exclusive ? owner : undefined,
      arguments: method.arguments,
    },
    settings,
  );
}

function assertEquivalent(
  vhost: Vhost,
  { name, identity, settings }: Queue,
  declared: { durable: boolean; autoDelete: boolean; owner: object | undefined },
  declaredArguments: FieldTable,
): void {
  const what = vhost.describe('queue', name);
  if (identity.owner !== declared.owner) throw vhost.locked(name);
  assertSame(what, 'durable', identity.durable, declared.durable);
  assertSame(what, 'auto_delete', identity.autoDelete, declared.autoDelete);
  assertSameArguments(what, ARGUMENTS_OF[settings.type], identity.arguments, declaredArguments);
}

function assertFitsQuorum(
  vhost: Vhost,
  name: string,
  { durable, autoDelete, exclusive }: { durable: boolean; autoDelete: boolean; exclusive: boolean },
): void {
  const what = vhost.describe('queue', name);
  if (name === '') throw preconditionFailed('Cannot declare a server-named queue for type rabbit_quorum_queue');
  if (autoDelete) throw preconditionFailed(`invalid property 'auto-delete' for ${what}`);
  if (exclusive) throw preconditionFailed(`invalid property 'exclusive-owner' for ${what}`);
  if (!durable) throw preconditionFailed(`invalid property 'non-durable' for ${what}`);
}

/** @returns undefined if it does not exist. */
export function queueToDelete(site: Site, method: MethodOf<'queue.delete'>): Queue | undefined {
  const { vhost, owner } = site;
  const queue = vhost.findQueue(withoutLineEnds(resolveQueueName(site, method.queue)));
  if (queue === undefined) return undefined;
  vhost.assertAccess(queue, owner);
  const what = vhost.describe('queue', queue.name);
  const condition = method.ifUnused ? 'if-unused' : method.ifEmpty ? 'if-empty' : undefined;
  if (condition && queue.settings.type === 'quorum') {
    throw notImplemented(
      `cannot delete ${what}. queue.delete operations with ${condition} flag set are not supported by quorum queues`,
    );
  }
  if (method.ifUnused && queue.consumerCount > 0) throw preconditionFailed(`${what} in use`);
  if (method.ifEmpty && queue.readyCount > 0) throw preconditionFailed(`${what} not empty`);
  return queue;
}

export function purgeQueue(site: Site, method: MethodOf<'queue.purge'>): number {
  return site.vhost.queue(resolveQueueName(site, method.queue), site.owner).purge();
}

export function bindQueue(site: Site, method: MethodOf<'queue.bind'>): void {
  const { exchangeName, queueName, routingKey } = bindingOf(site, method);
  const exchange = site.vhost.exchange(exchangeName);
  exchange.bind(site.vhost.queue(queueName, site.owner), routingKey, method.arguments);
}

export function unbindQueue(site: Site, method: MethodOf<'queue.unbind'>): void {
  const { exchangeName, queueName, routingKey } = bindingOf(site, method);
  const exchange = site.vhost.findExchange(exchangeName);
  const queue = site.vhost.findQueue(queueName);
  // A missing exchange or queue has no bindings.
  if (exchange === undefined || queue === undefined) return;
  if (!exchange.hasBinding(queue, routingKey, method.arguments)) return;
  site.vhost.assertAccess(queue, site.owner);
  exchange.unbind(queue, routingKey, method.arguments);
  site.vhost.dropIfUnused(exchange);
}

/**
 * Exchange, queue and routing key of a binding. If queue name and routing key are both empty, the routing key is the
 * queue's name.
 */
function bindingOf(
  site: Site,
  method: MethodOf<'queue.bind'> | MethodOf<'queue.unbind'>,
): { exchangeName: string; queueName: string; routingKey: string } {
  const queueName = withoutLineEnds(resolveQueueName(site, method.queue));
  const routingKey = method.queue === '' && method.routingKey === '' ? queueName : method.routingKey;
  const exchangeName = withoutLineEnds(method.exchange);
  if (exchangeName === DEFAULT_EXCHANGE) throw defaultExchangeError();
  return { exchangeName, queueName, routingKey };
}

export function defaultExchangeError(): AmqpError {
  return accessRefused('operation not permitted on the default exchange');
}

const TYPE = 'direct';
/** Types RabbitMQ supports and this broker does not. */
const OTHER_TYPES = ['fanout', 'topic', 'headers'];
const ALTERNATE = 'alternate-exchange';

export function declareExchange(vhost: Vhost, method: MethodOf<'exchange.declare'>): void {
  const name = withoutLineEnds(method.exchange);
  if (method.passive) {
    if (name === DEFAULT_EXCHANGE) throw defaultExchangeError();
    vhost.exchange(name);
    return;
  }
  const { type, durable, autoDelete, internal } = method;
  const isOther = OTHER_TYPES.includes(type);
  if (type !== TYPE && !isOther) throw commandInvalid(`unknown exchange type '${type}'`);
  if (name === DEFAULT_EXCHANGE) throw defaultExchangeError();
  const what = vhost.describe('exchange', name);
  const existing = vhost.findExchange(name)?.identity;
  if (existing) {
    assertSame(what, 'type', TYPE, type);
    assertSame(what, 'durable', existing.durable, durable);
    assertSame(what, 'auto_delete', existing.autoDelete, autoDelete);
    assertSame(what, 'internal', existing.internal, internal);
    assertSameArguments(what, [ALTERNATE], existing.arguments, method.arguments);
    return;
  }
  if (name.startsWith('amq.')) throw accessRefused(`exchange name '${name}' contains reserved prefix 'amq.*'`);
  if (isOther) throw notImplemented(`the development broker only supports direct exchanges, not ${type} ${what}`);
  if (lookUp(method.arguments, ALTERNATE)) {
    throw notImplemented(`the development broker does not support argument '${ALTERNATE}' for ${what}`);
  }
  vhost.declareExchange({ name, durable, autoDelete, internal, arguments: method.arguments });
}

export function deleteExchange(vhost: Vhost, method: MethodOf<'exchange.delete'>): void {
  const name = withoutLineEnds(method.exchange);
  if (name === DEFAULT_EXCHANGE) throw defaultExchangeError();
  const what = vhost.describe('exchange', name);
  if (name.startsWith('amq.')) throw accessRefused(`deletion of system ${what} not allowed`);
  if (method.ifUnused && vhost.findExchange(name)?.isBound) throw preconditionFailed(`${what} in use`);
  vhost.deleteExchange(name);
}

// Server-generated name: 16 random bytes, like RabbitMQ's.

export function generatedName(prefix: 'amq.gen' | 'amq.ctag'): string {
  return `${prefix}-${randomBytes(16).toString('base64url')}`;
}

/** RabbitMQ removes line breaks from queue and exchange names. */
export function withoutLineEnds(name: string): string {
  return /[\r\n]/.test(name) ? name.replace(/[\r\n]/g, '') : name;
}
