/** The consuming side of a channel: consumers, unacknowledged deliveries, and acknowledgements. */
import { accessRefused, notAllowed, notImplemented } from '../amqp-error.js';
import type { Queue } from '../queues/queue.js';
import type { Entry } from '../queues/ready-list.js';
import { long, lookUp } from '../wire/field-table.js';
import type { MethodOf } from '../wire/method-table.js';
import { canonical, type Properties, readHeaders, setHeaders, withHeaders } from '../wire/properties.js';
import { Deliveries, type Delivery, Subscription, type SubscriptionChannel } from './deliveries.js';
import type { Outbox } from './outbox.js';
import { generatedName, resolveQueueName, type Site } from './topology-methods.js';

/** Consumer arguments RabbitMQ supports and this broker does not. */
const UNSUPPORTED_ARGUMENTS = ['x-priority', 'x-stream-offset', 'x-credit'];

export interface ConsumingOptions {
  readonly channel: number;
  readonly site: Site;
  readonly outbox: Outbox;
  /** Whether the client wants a notification when a consumed queue is deleted. */
  readonly notifiesCancel: boolean;
}

export class Consuming implements SubscriptionChannel {
  readonly #channel: number;
  readonly #site: Site;
  readonly #outbox: Outbox;
  readonly #notifiesCancel: boolean;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #deliveries = new Deliveries();
  /** For new consumers; 0: no limit. */
  #prefetch = 0;
  /** For all consumers of the channel together; 0: no limit. */
  #prefetchOfAll = 0;
  #unackedOfAll = 0;

  constructor({ channel, site, outbox, notifiesCancel }: ConsumingOptions) {
    this.#channel = channel;
    this.#site = site;
    this.#outbox = outbox;
    this.#notifiesCancel = notifiesCancel;
  }

  hasCapacity(noAck: boolean): boolean {
    if (this.#outbox.isFull) return false;
    return noAck || this.#prefetchOfAll === 0 || this.#unackedOfAll < this.#prefetchOfAll;
  }

  /** The client is reading again. */
  wake(): void {
    for (const subscription of this.#subscriptions.values()) subscription.wake();
  }

  qos({ prefetchSize, prefetchCount, global }: MethodOf<'basic.qos'>): void {
    if (prefetchSize !== 0) throw notImplemented(`prefetch_size!=0 (${prefetchSize})`);
    if (!global) this.#prefetch = prefetchCount;
    this.#prefetchOfAll = global ? prefetchCount : 0;
    if (global) this.#unackedOfAll = this.#deliveries.count;
    this.#outbox.method(this.#channel, 'basic.qos-ok', {});
    this.wake();
  }

  consume(method: MethodOf<'basic.consume'>): void {
    const { vhost, owner } = this.#site;
    if (this.#subscriptions.has(method.consumerTag)) {
      throw notAllowed(`attempt to reuse consumer tag '${method.consumerTag}'`);
    }
    const queue = vhost.queue(resolveQueueName(this.#site, method.queue), owner);
    const what = vhost.describe('queue', queue.name);
    const refused = UNSUPPORTED_ARGUMENTS.find((name) => lookUp(method.arguments, name));
    if (refused)
      throw notImplemented(`the development broker does not support argument '${refused}' for a consumer of ${what}`);
    if (this.#prefetchOfAll > 0 && queue.settings.type === 'quorum') {
      throw notImplemented(`${what} does not support global qos`);
    }
    const isTaken = queue.hasExclusiveConsumer || (method.exclusive && queue.consumerCount > 0);
    // RabbitMQ's quorum queues ignore it.
    if (isTaken && queue.settings.type === 'classic') {
      throw accessRefused(`${what} in exclusive use`);
    }
    const { noAck, exclusive } = method;
    const tag = method.consumerTag || generatedName('amq.ctag');
    const subscription = new Subscription(this, { tag, queue, noAck, exclusive, prefetch: this.#prefetch });
    this.#subscriptions.set(tag, subscription);
    // Reply before the first delivery.
    if (!method.nowait) this.#outbox.method(this.#channel, 'basic.consume-ok', { consumerTag: tag });
    queue.subscribe(subscription);
  }

  cancel({ consumerTag, nowait }: MethodOf<'basic.cancel'>): void {
    const subscription = this.#subscriptions.get(consumerTag);
    this.#subscriptions.delete(consumerTag);
    subscription?.end();
    if (!nowait) this.#outbox.method(this.#channel, 'basic.cancel-ok', { consumerTag });
  }

  /** The queue was deleted. */
  lost({ tag }: Subscription): void {
    this.#subscriptions.delete(tag);
    if (this.#notifiesCancel) this.#outbox.method(this.#channel, 'basic.cancel', { consumerTag: tag, nowait: true });
  }

  deliver(subscription: Subscription, entry: Entry): void {
    const { queue } = subscription;
    const deliveryTag = this.#keep({ queue, entry, subscription }, subscription.noAck);
    const { message, redelivered } = entry;
    const { exchange, routingKey } = message;
    this.#outbox.content(
      this.#channel,
      'basic.deliver',
      { consumerTag: subscription.tag, deliveryTag, redelivered, exchange, routingKey },
      propertiesOf(queue, entry, { always: false }),
      message,
    );
  }

  #keep(delivery: Delivery, noAck: boolean): number {
    if (delivery.entry.redelivered) this.#site.vhost.counts.redelivered++;
    const tag = this.#deliveries.nextTag();
    if (noAck) return tag;
    if (delivery.subscription) this.#unackedOfAll++;
    this.#deliveries.keep(tag, delivery);
    return tag;
  }

  get(method: MethodOf<'basic.get'>): void {
    const queue = this.#site.vhost.queue(resolveQueueName(this.#site, method.queue), this.#site.owner);
    const entry = queue.get(method.noAck);
    if (entry === undefined) {
      this.#outbox.method(this.#channel, 'basic.get-empty', { clusterId: '' });
      return;
    }
    const deliveryTag = this.#keep({ queue, entry, subscription: undefined }, method.noAck);
    const { message, redelivered } = entry;
    const { exchange, routingKey } = message;
    this.#outbox.content(
      this.#channel,
      'basic.get-ok',
      { deliveryTag, redelivered, exchange, routingKey, messageCount: queue.readyCount },
      propertiesOf(queue, entry, { always: true }),
      message,
    );
  }

  acknowledge({ deliveryTag, multiple }: MethodOf<'basic.ack'>): void {
    const taken = this.#deliveries.take(deliveryTag, multiple);
    for (const { queue, entry } of taken) queue.acknowledge(entry);
    this.#free(taken);
  }

  reject(deliveryTag: number, multiple: boolean, requeue: boolean): void {
    const taken = this.#deliveries.take(deliveryTag, multiple);
    if (requeue) requeueAll(taken, true);
    else for (const { queue, entry } of taken) queue.reject(entry);
    this.#free(taken);
  }

  recover(requeue: boolean): void {
    if (!requeue) throw notImplemented('requeue=false');
    const all = this.#deliveries.takeAll();
    requeueAll(all, true);
    this.#free(all);
  }

  /** Frees the capacity used by acknowledged messages. */
  #free(taken: readonly Delivery[]): void {
    const freed = new Set<Subscription>();
    for (const { subscription } of taken) {
      if (subscription === undefined) continue;
      subscription.released();
      this.#unackedOfAll--;
      freed.add(subscription);
    }
    if (this.#prefetchOfAll > 0) this.wake();
    else for (const subscription of freed) subscription.wake();
    for (const queue of new Set(taken.map((each) => each.queue))) queue.deliver();
  }

  /** The channel has closed: requeue unacknowledged messages. */
  end(): void {
    for (const subscription of this.#subscriptions.values()) subscription.end();
    this.#subscriptions.clear();
    const all = this.#deliveries.takeAll();
    requeueAll(all, false);
    for (const queue of new Set(all.map((each) => each.queue))) queue.deliver();
  }
}

function requeueAll(deliveries: readonly Delivery[], byConsumer: boolean): void {
  for (const { queue, entry } of deliveries) queue.requeue(entry, { byConsumer });
}

/** Quorum queues report how often delivery has failed, and for basic.get also a count of zero. */
function propertiesOf(
  { settings }: Queue,
  { message: { properties }, deliveryCount }: Entry,
  { always }: { always: boolean },
): Properties {
  if (settings.type !== 'quorum') return properties;
  const written = canonical(properties);
  if (deliveryCount === 0 && !always) return written;
  const headers = setHeaders(readHeaders(written), { 'x-delivery-count': long(deliveryCount) });
  return withHeaders(written, headers, { keepsExpiration: true });
}
