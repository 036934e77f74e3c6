/**
 * A channel: processes methods and messages of one client in order, and delivers to its consumers.
 *
 *   open ──error──> closing ──close-ok──> closed
 *     └──channel.close──────────────────────^
 *
 * While closing, everything except close methods is ignored: the client sent it before it knew.
 */
import {
  AmqpError,
  accessRefused,
  channelError,
  commandInvalid,
  NOWHERE,
  notImplemented,
  preconditionFailed,
} from '../amqp-error.js';
import { MAX_MS } from '../queues/queue-arguments.js';
import { DEFAULT_EXCHANGE } from '../queues/vhost.js';
import { METHOD_FRAME } from '../wire/frame-reader.js';
import { decodeMethod } from '../wire/method-codec.js';
import { type FieldsOf, METHODS, type Method, type MethodName } from '../wire/method-table.js';
import { type Properties, parseProperties } from '../wire/properties.js';
import { Confirms } from './confirms.js';
import { Consuming } from './consuming.js';
import { type Content, IncomingContent } from './incoming-content.js';
import type { Outbox } from './outbox.js';
import {
  bindQueue,
  declareExchange,
  declareQueue,
  deleteExchange,
  purgeQueue,
  queueToDelete,
  type Site,
  unbindQueue,
} from './topology-methods.js';

export interface ChannelOptions {
  readonly number: number;
  readonly site: Omit<Site, 'lastQueue'>;
  readonly outbox: Outbox;
  readonly user: string;
  readonly notifiesCancel: boolean;
  readonly maxMessageBytes: number;
}

type State = 'open' | 'closing' | 'closed';

export class Channel {
  readonly number: number;
  #state: State = 'open';
  readonly #site: Site;
  readonly #outbox: Outbox;
  readonly #user: string;
  readonly #content: IncomingContent;
  readonly #confirms: Confirms;
  readonly #consuming: Consuming;

  constructor({ number, site, outbox, user, notifiesCancel, maxMessageBytes }: ChannelOptions) {
    this.number = number;
    this.#site = { ...site, lastQueue: undefined };
    this.#outbox = outbox;
    this.#user = user;
    this.#content = new IncomingContent(maxMessageBytes);
    this.#confirms = new Confirms(outbox, number);
    this.#consuming = new Consuming({ channel: number, site: this.#site, outbox, notifiesCancel });
    this.#send('channel.open-ok', { channelId: '' });
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  #send<Name extends MethodName>(name: Name, fields: FieldsOf<Name>): void {
    this.#outbox.method(this.number, name, fields);
  }

  /** @throws AmqpError if the whole connection must be closed. */
  frame(type: number, payload: Buffer): void {
    if (this.#state === 'closing') {
      this.#ignore(type, payload);
      return;
    }
    let method: Method | undefined;
    try {
      if (type === METHOD_FRAME) {
        const begun = this.#content.method;
        method = begun ?? decodeMethod(payload);
        this.#content.assertMethodExpected();
        this.#do(method);
      } else {
        method = this.#content.method;
        const content = this.#content.take(type, payload);
        if (content) this.#publish(content);
      }
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      if (method) error.at ??= METHODS[method.name];
      if (error.closesConnection) throw error;
      this.#fail(error);
    }
  }

  #fail(error: AmqpError): void {
    this.#confirms.flush();
    this.#release('closing');
    const { code: replyCode, replyText, at: { classId, methodId } = NOWHERE } = error;
    this.#send('channel.close', { replyCode, replyText, classId, methodId });
  }

  #ignore(type: number, payload: Buffer): void {
    if (type !== METHOD_FRAME) return;
    const { name } = decodeMethod(payload);
    if (name === 'channel.close-ok') this.#state = 'closed';
    // Both sides closed at the same time; close-ok for our close still follows.
    if (name === 'channel.close') this.#send('channel.close-ok', {});
  }

  #release(state: 'closing' | 'closed'): void {
    this.#state = state;
    this.#content.reset();
    this.#consuming.end();
  }

  /** The connection has closed. */
  end(): void {
    if (this.#state === 'open') this.#release('closed');
  }

  /** Confirms everything published in this turn of the event loop. */
  confirm(): void {
    if (this.#state === 'open') this.#confirms.flush();
  }

  /** The client is reading again. */
  wake(): void {
    if (this.#state === 'open') this.#consuming.wake();
  }

  #do(method: Method): void {
    const site = this.#site;
    switch (method.name) {
      case 'basic.publish':
        if (method.immediate) throw notImplemented('immediate=true');
        this.#content.begin(method);
        break;
      case 'basic.ack':
        this.#consuming.acknowledge(method);
        break;
      case 'basic.nack':
        this.#consuming.reject(method.deliveryTag, method.multiple, method.requeue);
        break;
      case 'basic.reject':
        this.#consuming.reject(method.deliveryTag, false, method.requeue);
        break;
      case 'basic.get':
        this.#consuming.get(method);
        break;
      case 'basic.consume':
        this.#consuming.consume(method);
        break;
      case 'basic.cancel':
        this.#consuming.cancel(method);
        break;
      case 'basic.qos':
        this.#consuming.qos(method);
        break;
      case 'basic.recover':
        this.#consuming.recover(method.requeue);
        this.#send('basic.recover-ok', {});
        break;
      case 'basic.recover-async':
        this.#consuming.recover(method.requeue);
        break;
      case 'confirm.select':
        this.#confirms.turnOn();
        this.#answer(method, 'confirm.select-ok', {});
        break;
      case 'queue.declare': {
        const { name, readyCount, consumerCount } = declareQueue(site, method);
        const counts = { queue: name, messageCount: readyCount, consumerCount };
        this.#answer(method, 'queue.declare-ok', counts);
        break;
      }
      case 'queue.bind':
        bindQueue(site, method);
        this.#answer(method, 'queue.bind-ok', {});
        break;
      case 'queue.unbind':
        unbindQueue(site, method);
        this.#send('queue.unbind-ok', {});
        break;
      case 'queue.purge':
        this.#answer(method, 'queue.purge-ok', { messageCount: purgeQueue(site, method) });
        break;
      case 'queue.delete': {
        const queue = queueToDelete(site, method);
        this.#answer(method, 'queue.delete-ok', { messageCount: queue?.readyCount ?? 0 });
        // Delete after replying: a consumer on this channel is canceled after the reply.
        if (queue) site.vhost.deleteQueue(queue);
        break;
      }
      case 'exchange.declare':
        declareExchange(site.vhost, method);
        this.#answer(method, 'exchange.declare-ok', {});
        break;
      case 'exchange.delete':
        deleteExchange(site.vhost, method);
        this.#answer(method, 'exchange.delete-ok', {});
        break;
      case 'channel.flow':
        if (!method.active) throw notImplemented('active=false');
        this.#send('channel.flow-ok', { active: true });
        break;
      case 'channel.close':
        this.#confirms.flush();
        this.#release('closed');
        this.#send('channel.close-ok', {});
        break;
      case 'channel.open':
        throw channelError("second 'channel.open' seen");
      case 'access.request':
        this.#send('access.request-ok', { ticket: 1 });
        break;
      case 'tx.select':
      case 'tx.commit':
      case 'tx.rollback':
      case 'exchange.bind':
      case 'exchange.unbind':
        throw notImplemented(`the development broker does not support ${method.name}`);
      default:
        // Methods only a server sends, and connection methods.
        throw commandInvalid('unimplemented method');
    }
  }

  #answer<Name extends MethodName>({ nowait }: { nowait: boolean }, name: Name, fields: FieldsOf<Name>): void {
    if (!nowait) this.#send(name, fields);
  }

  #publish({ method: { exchange, routingKey, mandatory }, properties: raw, body }: Content): void {
    const { vhost } = this.#site;
    if (exchange !== DEFAULT_EXCHANGE && vhost.exchange(exchange).identity.internal) {
      throw accessRefused(`cannot publish to internal ${vhost.describe('exchange', exchange)}`);
    }
    const properties = parseProperties(raw);
    this.#assertPublishable(properties);
    const message = { exchange, routingKey, properties, body, holders: 0 };
    const { routed, refused } = vhost.publish(message);
    if (!routed) vhost.counts[mandatory ? 'returned' : 'unroutable']++;
    if (!routed && mandatory) {
      const reason = { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey };
      this.#outbox.content(this.number, 'basic.return', reason, properties, message);
    }
    this.#confirms.published(refused);
  }

  #assertPublishable({ userId, expiration, deliveryMode, sendsCopies }: Properties): void {
    if (sendsCopies) throw notImplemented('the development broker does not support the headers CC and BCC');
    if (userId !== undefined && userId !== this.#user) {
      throw preconditionFailed(`user_id property set to '${userId}' but authenticated user was '${this.#user}'`);
    }
    if (expiration !== undefined) assertExpiration(expiration.text);
    if (deliveryMode !== undefined && deliveryMode !== 1 && deliveryMode !== 2) {
      throw preconditionFailed(`invalid message: {delivery_mode_unknown,${deliveryMode}}`);
    }
  }
}

function assertExpiration(text: string): void {
  const invalid = (problem: string) => preconditionFailed(`invalid expiration '${text}': ${problem}`);
  const [digits] = /^-?\d+/.exec(text) ?? [];
  if (digits === undefined) throw invalid('no_integer');
  if (digits !== text) throw invalid(`{leftover_string,"${text.slice(digits.length)}"}`);
  if (Number(text) < 0) throw invalid(`{value_negative,${Number(text)}}`);
  if (Number(text) > MAX_MS) throw invalid(`{value_too_large,${text}}`);
}
