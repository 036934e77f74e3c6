/** The methods of class exchange: declare and delete. Exchanges are direct ones, and bound to queues only. */
import { accessRefused, commandInvalid, notImplemented, preconditionFailed } from '../amqp-error.js';
import { assertSame, assertSameArguments } from '../queues/equivalence.js';
import { DEFAULT_EXCHANGE, type Vhost } from '../queues/vhost.js';
import { lookUp } from '../wire/field-table.js';
import type { MethodOf } from '../wire/method-table.js';
import { withoutLineEnds } from './names.js';
import { onDefaultExchange } from './queue-methods.js';

const TYPE = 'direct';
/** RabbitMQ has these as well, and this broker does not. */
const OTHER_TYPES = ['fanout', 'topic', 'headers'];
const ALTERNATE = 'alternate-exchange';

export function declareExchange(vhost: Vhost, method: MethodOf<'exchange.declare'>): void {
  const name = withoutLineEnds(method.exchange);
  if (method.passive) {
    if (name === DEFAULT_EXCHANGE) throw onDefaultExchange();
    vhost.exchange(name);
    return;
  }
  const { type, durable, autoDelete, internal } = method;
  const isOther = OTHER_TYPES.includes(type);
  if (type !== TYPE && !isOther) throw commandInvalid(`unknown exchange type '${type}'`);
  if (name === DEFAULT_EXCHANGE) throw onDefaultExchange();
  const what = vhost.called('exchange', name);
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
  if (isOther) throw notImplemented(`the development broker has direct exchanges only, no ${type} ${what}`);
  if (lookUp(method.arguments, ALTERNATE)) {
    throw notImplemented(`the development broker has no argument '${ALTERNATE}' for ${what}`);
  }
  vhost.declareExchange({ name, durable, autoDelete, internal, arguments: method.arguments });
}

export function deleteExchange(vhost: Vhost, method: MethodOf<'exchange.delete'>): void {
  const name = withoutLineEnds(method.exchange);
  if (name === DEFAULT_EXCHANGE) throw onDefaultExchange();
  const what = vhost.called('exchange', name);
  if (name.startsWith('amq.')) throw accessRefused(`deletion of system ${what} not allowed`);
  if (method.ifUnused && vhost.findExchange(name)?.isBound) throw preconditionFailed(`${what} in use`);
  vhost.deleteExchange(name);
}
