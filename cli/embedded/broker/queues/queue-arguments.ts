/** Queue arguments: validation, meaning, and those this broker does not support. */
import { notImplemented, preconditionFailed } from '../amqp-error.js';
import { type Field, type FieldTable, integerOf, lookUp, textOf } from '../wire/field-table.js';
import { isReadable } from '../wire/wire-text.js';
import { typeName } from './equivalence.js';

export interface QueueSettings {
  readonly type: 'classic' | 'quorum';
  readonly ttlMs: number | undefined;
  /** Infinity: no limit. */
  readonly maxLength: number;
  readonly maxBytes: number;
  readonly overflow: 'drop-head' | 'reject-publish';
  readonly deadLetter:
    | { readonly exchange: string; readonly routingKey: string | undefined; readonly atLeastOnce: boolean }
    | undefined;
  readonly deliveryLimit: number | undefined;
  /** The queue is deleted after being unused for this time. */
  readonly expiresMs: number | undefined;
}

/** Arguments of each queue type, in the order RabbitMQ 3.10 compares them. */
export const ARGUMENTS_OF: Readonly<Record<QueueSettings['type'], readonly string[]>> = {
  classic: [
    'x-expires',
    'x-message-ttl',
    'x-dead-letter-exchange',
    'x-dead-letter-routing-key',
    'x-max-length',
    'x-max-length-bytes',
    'x-overflow',
    'x-queue-type',
  ],
  quorum: [
    'x-dead-letter-exchange',
    'x-dead-letter-routing-key',
    'x-dead-letter-strategy',
    'x-expires',
    'x-max-length',
    'x-max-length-bytes',
    'x-overflow',
    'x-queue-type',
    'x-delivery-limit',
    'x-message-ttl',
  ],
};

/** Arguments RabbitMQ supports and this broker does not. */
const UNSUPPORTED = [
  'x-max-priority',
  'x-single-active-consumer',
  'x-queue-mode',
  'x-queue-version',
  'x-queue-master-locator',
  'x-queue-leader-locator',
  'x-quorum-initial-group-size',
  'x-initial-cluster-size',
  'x-max-in-memory-length',
  'x-max-in-memory-bytes',
  'x-max-age',
  'x-stream-max-segment-size-bytes',
];

type Check = (field: Field, all: FieldTable) => string | undefined;

const integer: Check = (field) =>
  integerOf(field) === undefined ? `"expected integer, got ${typeName(field)}"` : undefined;
const notNegative: Check = (field, all) =>
  integer(field, all) ?? ((integerOf(field) as number) < 0 ? `{value_negative,${field.value}}` : undefined);
/** RabbitMQ's maximum: ten years. */
export const MAX_MS = 315_360_000_000;
const time: Check = (field, all) => {
  const problem = notNegative(field, all);
  if (problem) return problem;
  return (integerOf(field) as number) > MAX_MS ? `{value_too_large,${field.value}}` : undefined;
};
const timeNotZero: Check = (field, all) =>
  integer(field, all) ?? (integerOf(field) === 0 ? '{value_zero,0}' : time(field, all));
const text: Check = (field) => (field.type === 'S' ? undefined : `{unacceptable_type,${typeName(field)}}`);
/** Becomes the exchange or routing key of a message, which are short strings. */
const shortText: Check = (field, all) =>
  text(field, all) ?? (isShortString(textOf(field) as string) ? undefined : 'not_a_short_string');
const isShortString = (bytes: string) => bytes.length <= 255 && isReadable(bytes);
const oneOf =
  (problem: string, ...values: string[]): Check =>
  (field, all) =>
    text(field, all) ?? (values.includes(textOf(field) as string) ? undefined : problem);

const CHECKS: ReadonlyArray<readonly [name: string, check: Check]> = [
  ['x-expires', timeNotZero],
  ['x-message-ttl', time],
  ['x-dead-letter-exchange', shortText],
  [
    'x-dead-letter-routing-key',
    (field, all) =>
      shortText(field, all) ??
      (lookUp(all, 'x-dead-letter-exchange') === undefined ? 'routing_key_but_no_dlx_defined' : undefined),
  ],
  ['x-dead-letter-strategy', oneOf('invalid_dlx_strategy', 'at-most-once', 'at-least-once')],
  ['x-max-length', notNegative],
  ['x-max-length-bytes', notNegative],
  ['x-overflow', oneOf('invalid_overflow', 'drop-head', 'reject-publish', 'reject-publish-dlx')],
];

/**
 * @param what the queue, as error texts name it.
 * @throws AmqpError 406 for values RabbitMQ refuses as well; 540 for values RabbitMQ supports and this broker does not.
 */
export function queueSettings(what: string, given: FieldTable): QueueSettings {
  const deadLetterExchange = lookUp(given, 'x-dead-letter-exchange');
  if (deadLetterExchange && deadLetterExchange.type !== 'S') {
    throw preconditionFailed(
      `invalid type '${typeName(deadLetterExchange)}' for arg 'x-dead-letter-exchange' in ${what}`,
    );
  }
  const type = queueType(what, given);
  for (const [name, check] of CHECKS) {
    const field = lookUp(given, name);
    if (field === undefined || !ARGUMENTS_OF[type].includes(name)) continue;
    const problem = check(field, given);
    if (problem !== undefined) throw preconditionFailed(`invalid arg '${name}' for ${what}: ${problem}`);
  }
  for (const [name] of given) {
    if (UNSUPPORTED.includes(name))
      throw notImplemented(`the development broker does not support argument '${name}' for ${what}`);
    const isOthers = !ARGUMENTS_OF[type].includes(name) && ARGUMENTS_OF.quorum.includes(name);
    if (isOthers) throw preconditionFailed(`invalid arg '${name}' for ${what} of queue type rabbit_${type}_queue`);
  }
  const overflow = textOf(lookUp(given, 'x-overflow')) ?? 'drop-head';
  if (overflow === 'reject-publish-dlx') {
    throw notImplemented(`the development broker does not support 'x-overflow' = '${overflow}' for ${what}`);
  }
  return settingsOf(type, overflow === 'reject-publish' ? overflow : 'drop-head', given);
}

function settingsOf(
  type: QueueSettings['type'],
  overflow: QueueSettings['overflow'],
  given: FieldTable,
): QueueSettings {
  const number = (name: string) => integerOf(lookUp(given, name));
  const exchange = textOf(lookUp(given, 'x-dead-letter-exchange'));
  // As in RabbitMQ: at-least-once requires reject-publish; otherwise the strategy is at-most-once.
  const atLeastOnce =
    type === 'quorum' &&
    overflow === 'reject-publish' &&
    textOf(lookUp(given, 'x-dead-letter-strategy')) === 'at-least-once';
  return {
    type,
    ttlMs: number('x-message-ttl'),
    maxLength: number('x-max-length') ?? Number.POSITIVE_INFINITY,
    maxBytes: number('x-max-length-bytes') ?? Number.POSITIVE_INFINITY,
    overflow,
    deadLetter:
      exchange === undefined
        ? undefined
        : { exchange, routingKey: textOf(lookUp(given, 'x-dead-letter-routing-key')), atLeastOnce },
    deliveryLimit: number('x-delivery-limit'),
    expiresMs: number('x-expires'),
  };
}

function queueType(what: string, given: FieldTable): QueueSettings['type'] {
  const field = lookUp(given, 'x-queue-type');
  if (field === undefined) return 'classic';
  const type = textOf(field);
  if (type === 'classic' || type === 'quorum') return type;
  if (type === 'stream') throw notImplemented(`the development broker does not support streams: ${what}`);
  throw preconditionFailed(
    `invalid arg 'x-queue-type' for ${what}: ${type === undefined ? `{unacceptable_type,${typeName(field)}}` : `"unsupported queue type '${type}'"`}`,
  );
}
