/**
 * The methods of AMQP 0-9-1 with RabbitMQ's extensions: number (class, method) and fields in wire order. All encoding
 * and decoding uses this table; methods not listed are not supported.
 */

const TABLE = {
  'connection.start': [
    10,
    10,
    {
      versionMajor: 'octet',
      versionMinor: 'octet',
      serverProperties: 'table',
      mechanisms: 'longString',
      locales: 'longString',
    },
  ],
  'connection.start-ok': [
    10,
    11,
    { clientProperties: 'table', mechanism: 'shortString', response: 'longString', locale: 'shortString' },
  ],
  'connection.secure': [10, 20, { challenge: 'longString' }],
  'connection.secure-ok': [10, 21, { response: 'longString' }],
  'connection.tune': [10, 30, { channelMax: 'short', frameMax: 'long', heartbeat: 'short' }],
  'connection.tune-ok': [10, 31, { channelMax: 'short', frameMax: 'long', heartbeat: 'short' }],
  'connection.open': [10, 40, { virtualHost: 'shortString', capabilities: 'shortString', insist: 'bit' }],
  'connection.open-ok': [10, 41, { knownHosts: 'shortString' }],
  'connection.close': [10, 50, { replyCode: 'short', replyText: 'shortString', classId: 'short', methodId: 'short' }],
  'connection.close-ok': [10, 51, {}],
  'connection.blocked': [10, 60, { reason: 'shortString' }],
  'connection.unblocked': [10, 61, {}],
  'connection.update-secret': [10, 70, { newSecret: 'longString', reason: 'shortString' }],
  'connection.update-secret-ok': [10, 71, {}],
  'channel.open': [20, 10, { outOfBand: 'shortString' }],
  'channel.open-ok': [20, 11, { channelId: 'longString' }],
  'channel.flow': [20, 20, { active: 'bit' }],
  'channel.flow-ok': [20, 21, { active: 'bit' }],
  'channel.close': [20, 40, { replyCode: 'short', replyText: 'shortString', classId: 'short', methodId: 'short' }],
  'channel.close-ok': [20, 41, {}],
  'access.request': [
    30,
    10,
    { realm: 'shortString', exclusive: 'bit', passive: 'bit', active: 'bit', write: 'bit', read: 'bit' },
  ],
  'access.request-ok': [30, 11, { ticket: 'short' }],
  'exchange.declare': [
    40,
    10,
    {
      ticket: 'short',
      exchange: 'shortString',
      type: 'shortString',
      passive: 'bit',
      durable: 'bit',
      autoDelete: 'bit',
      internal: 'bit',
      nowait: 'bit',
      arguments: 'table',
    },
  ],
  'exchange.declare-ok': [40, 11, {}],
  'exchange.delete': [40, 20, { ticket: 'short', exchange: 'shortString', ifUnused: 'bit', nowait: 'bit' }],
  'exchange.delete-ok': [40, 21, {}],
  'exchange.bind': [
    40,
    30,
    {
      ticket: 'short',
      destination: 'shortString',
      source: 'shortString',
      routingKey: 'shortString',
      nowait: 'bit',
      arguments: 'table',
    },
  ],
  'exchange.bind-ok': [40, 31, {}],
  'exchange.unbind': [
    40,
    40,
    {
      ticket: 'short',
      destination: 'shortString',
      source: 'shortString',
      routingKey: 'shortString',
      nowait: 'bit',
      arguments: 'table',
    },
  ],
  'exchange.unbind-ok': [40, 51, {}],
  'queue.declare': [
    50,
    10,
    {
      ticket: 'short',
      queue: 'shortString',
      passive: 'bit',
      durable: 'bit',
      exclusive: 'bit',
      autoDelete: 'bit',
      nowait: 'bit',
      arguments: 'table',
    },
  ],
  'queue.declare-ok': [50, 11, { queue: 'shortString', messageCount: 'long', consumerCount: 'long' }],
  'queue.bind': [
    50,
    20,
    {
      ticket: 'short',
      queue: 'shortString',
      exchange: 'shortString',
      routingKey: 'shortString',
      nowait: 'bit',
      arguments: 'table',
    },
  ],
  'queue.bind-ok': [50, 21, {}],
  'queue.purge': [50, 30, { ticket: 'short', queue: 'shortString', nowait: 'bit' }],
  'queue.purge-ok': [50, 31, { messageCount: 'long' }],
  'queue.delete': [50, 40, { ticket: 'short', queue: 'shortString', ifUnused: 'bit', ifEmpty: 'bit', nowait: 'bit' }],
  'queue.delete-ok': [50, 41, { messageCount: 'long' }],
  'queue.unbind': [
    50,
    50,
    { ticket: 'short', queue: 'shortString', exchange: 'shortString', routingKey: 'shortString', arguments: 'table' },
  ],
  'queue.unbind-ok': [50, 51, {}],
  'basic.qos': [60, 10, { prefetchSize: 'long', prefetchCount: 'short', global: 'bit' }],
  'basic.qos-ok': [60, 11, {}],
  'basic.consume': [
    60,
    20,
    {
      ticket: 'short',
      queue: 'shortString',
      consumerTag: 'shortString',
      noLocal: 'bit',
      noAck: 'bit',
      exclusive: 'bit',
      nowait: 'bit',
      arguments: 'table',
    },
  ],
  'basic.consume-ok': [60, 21, { consumerTag: 'shortString' }],
  'basic.cancel': [60, 30, { consumerTag: 'shortString', nowait: 'bit' }],
  'basic.cancel-ok': [60, 31, { consumerTag: 'shortString' }],
  'basic.publish': [
    60,
    40,
    { ticket: 'short', exchange: 'shortString', routingKey: 'shortString', mandatory: 'bit', immediate: 'bit' },
  ],
  'basic.return': [
    60,
    50,
    { replyCode: 'short', replyText: 'shortString', exchange: 'shortString', routingKey: 'shortString' },
  ],
  'basic.deliver': [
    60,
    60,
    {
      consumerTag: 'shortString',
      deliveryTag: 'longLong',
      redelivered: 'bit',
      exchange: 'shortString',
      routingKey: 'shortString',
    },
  ],
  'basic.get': [60, 70, { ticket: 'short', queue: 'shortString', noAck: 'bit' }],
  'basic.get-ok': [
    60,
    71,
    {
      deliveryTag: 'longLong',
      redelivered: 'bit',
      exchange: 'shortString',
      routingKey: 'shortString',
      messageCount: 'long',
    },
  ],
  'basic.get-empty': [60, 72, { clusterId: 'shortString' }],
  'basic.ack': [60, 80, { deliveryTag: 'longLong', multiple: 'bit' }],
  'basic.reject': [60, 90, { deliveryTag: 'longLong', requeue: 'bit' }],
  'basic.recover-async': [60, 100, { requeue: 'bit' }],
  'basic.recover': [60, 110, { requeue: 'bit' }],
  'basic.recover-ok': [60, 111, {}],
  'basic.nack': [60, 120, { deliveryTag: 'longLong', multiple: 'bit', requeue: 'bit' }],
  'confirm.select': [85, 10, { nowait: 'bit' }],
  'confirm.select-ok': [85, 11, {}],
  'tx.select': [90, 10, {}],
  'tx.commit': [90, 20, {}],
  'tx.rollback': [90, 30, {}],
} as const satisfies Record<string, readonly [classId: number, methodId: number, fields: Record<string, FieldKind>]>;

export type FieldKind = 'bit' | 'octet' | 'short' | 'long' | 'longLong' | 'shortString' | 'longString' | 'table';

type ValueOf<Kind> = Kind extends 'bit'
  ? boolean
  : Kind extends 'shortString' | 'longString'
    ? string
    : Kind extends 'table'
      ? import('./field-table.js').FieldTable
      : number;

export type MethodName = keyof typeof TABLE;

export type FieldsOf<Name extends MethodName> = {
  readonly [Field in keyof (typeof TABLE)[Name][2]]: ValueOf<(typeof TABLE)[Name][2][Field]>;
};

/** A decoded method. */
export type Method = { [Name in MethodName]: { readonly name: Name } & FieldsOf<Name> }[MethodName];
export type MethodOf<Name extends MethodName> = Extract<Method, { name: Name }>;

export interface MethodShape {
  readonly name: MethodName;
  readonly classId: number;
  readonly methodId: number;
  /** Class and method as one number: the first four bytes of a method frame. */
  readonly id: number;
  readonly fields: ReadonlyArray<readonly [name: string, kind: FieldKind]>;
}

export const METHODS = Object.fromEntries(
  Object.entries(TABLE).map(([name, [classId, methodId, fields]]) => [
    name,
    { name, classId, methodId, id: classId * 0x1_0000 + methodId, fields: Object.entries(fields) },
  ]),
) as unknown as Readonly<Record<MethodName, MethodShape>>;

const BY_ID = new Map(Object.values(METHODS).map((shape) => [shape.id, shape]));

export function shapeOf(id: number): MethodShape | undefined {
  return BY_ID.get(id);
}
