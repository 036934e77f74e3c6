/**
 * The methods of AMQP 0-9-1 with RabbitMQ's extensions, for tests that communicate with a broker at the byte level.
 * Written from the protocol specification and independent of the other codecs here, so that it can detect their errors.
 */
import { decodeTable, encodeTable, Reader, type Table, type Writer } from './values.js';

type FieldType = 'bit' | 'octet' | 'short' | 'long' | 'longlong' | 'shortstr' | 'longstr' | 'table' | 'timestamp';
type Field = { name: string; type: FieldType };
export type Arguments = Record<string, unknown>;

const DEFINITION = `
connection.start 10 10 versionMajor:octet versionMinor:octet serverProperties:table mechanisms:longstr locales:longstr
connection.start-ok 10 11 clientProperties:table mechanism:shortstr response:longstr locale:shortstr
connection.secure 10 20 challenge:longstr
connection.secure-ok 10 21 response:longstr
connection.tune 10 30 channelMax:short frameMax:long heartbeat:short
connection.tune-ok 10 31 channelMax:short frameMax:long heartbeat:short
connection.open 10 40 virtualHost:shortstr reserved1:shortstr reserved2:bit
connection.open-ok 10 41 reserved1:shortstr
connection.close 10 50 replyCode:short replyText:shortstr classId:short methodId:short
connection.close-ok 10 51
connection.blocked 10 60 reason:shortstr
connection.unblocked 10 61
connection.update-secret 10 70 newSecret:longstr reason:shortstr
connection.update-secret-ok 10 71
channel.open 20 10 reserved1:shortstr
channel.open-ok 20 11 reserved1:longstr
channel.flow 20 20 active:bit
channel.flow-ok 20 21 active:bit
channel.close 20 40 replyCode:short replyText:shortstr classId:short methodId:short
channel.close-ok 20 41
access.request 30 10 realm:shortstr exclusive:bit passive:bit active:bit write:bit read:bit
access.request-ok 30 11 ticket:short
exchange.declare 40 10 ticket:short exchange:shortstr type:shortstr passive:bit durable:bit autoDelete:bit internal:bit nowait:bit arguments:table
exchange.declare-ok 40 11
exchange.delete 40 20 ticket:short exchange:shortstr ifUnused:bit nowait:bit
exchange.delete-ok 40 21
exchange.bind 40 30 ticket:short destination:shortstr source:shortstr routingKey:shortstr nowait:bit arguments:table
exchange.bind-ok 40 31
exchange.unbind 40 40 ticket:short destination:shortstr source:shortstr routingKey:shortstr nowait:bit arguments:table
exchange.unbind-ok 40 51
queue.declare 50 10 ticket:short queue:shortstr passive:bit durable:bit exclusive:bit autoDelete:bit nowait:bit arguments:table
queue.declare-ok 50 11 queue:shortstr messageCount:long consumerCount:long
queue.bind 50 20 ticket:short queue:shortstr exchange:shortstr routingKey:shortstr nowait:bit arguments:table
queue.bind-ok 50 21
queue.purge 50 30 ticket:short queue:shortstr nowait:bit
queue.purge-ok 50 31 messageCount:long
queue.delete 50 40 ticket:short queue:shortstr ifUnused:bit ifEmpty:bit nowait:bit
queue.delete-ok 50 41 messageCount:long
queue.unbind 50 50 ticket:short queue:shortstr exchange:shortstr routingKey:shortstr arguments:table
queue.unbind-ok 50 51
basic.qos 60 10 prefetchSize:long prefetchCount:short global:bit
basic.qos-ok 60 11
basic.consume 60 20 ticket:short queue:shortstr consumerTag:shortstr noLocal:bit noAck:bit exclusive:bit nowait:bit arguments:table
basic.consume-ok 60 21 consumerTag:shortstr
basic.cancel 60 30 consumerTag:shortstr nowait:bit
basic.cancel-ok 60 31 consumerTag:shortstr
basic.publish 60 40 ticket:short exchange:shortstr routingKey:shortstr mandatory:bit immediate:bit
basic.return 60 50 replyCode:short replyText:shortstr exchange:shortstr routingKey:shortstr
basic.deliver 60 60 consumerTag:shortstr deliveryTag:longlong redelivered:bit exchange:shortstr routingKey:shortstr
basic.get 60 70 ticket:short queue:shortstr noAck:bit
basic.get-ok 60 71 deliveryTag:longlong redelivered:bit exchange:shortstr routingKey:shortstr messageCount:long
basic.get-empty 60 72 clusterId:shortstr
basic.ack 60 80 deliveryTag:longlong multiple:bit
basic.reject 60 90 deliveryTag:longlong requeue:bit
basic.recover-async 60 100 requeue:bit
basic.recover 60 110 requeue:bit
basic.recover-ok 60 111
basic.nack 60 120 deliveryTag:longlong multiple:bit requeue:bit
tx.select 90 10
tx.select-ok 90 11
tx.commit 90 20
tx.commit-ok 90 21
tx.rollback 90 30
tx.rollback-ok 90 31
confirm.select 85 10 nowait:bit
confirm.select-ok 85 11
`;

const PROPERTIES =
  'contentType:shortstr contentEncoding:shortstr headers:table deliveryMode:octet priority:octet correlationId:shortstr replyTo:shortstr expiration:shortstr messageId:shortstr timestamp:timestamp type:shortstr userId:shortstr appId:shortstr clusterId:shortstr';

interface Method {
  name: string;
  classId: number;
  methodId: number;
  fields: Field[];
}

const fieldsOf = (words: string[]): Field[] =>
  words.map((word) => {
    const [name, type] = word.split(':');
    return { name: name!, type: type as FieldType };
  });

const methods: Method[] = DEFINITION.trim()
  .split('\n')
  .map((line) => {
    const [name, classId, methodId, ...fields] = line.split(' ');
    return { name: name!, classId: Number(classId), methodId: Number(methodId), fields: fieldsOf(fields) };
  });
const byName = new Map(methods.map((method) => [method.name, method]));
const byIds = new Map(methods.map((method) => [`${method.classId}.${method.methodId}`, method]));
const properties = fieldsOf(PROPERTIES.split(' '));

export function encodeMethod(writer: Writer, name: string, given: Arguments = {}): void {
  const method = byName.get(name);
  if (!method) throw new Error(`AMQP has no method ${name}`);
  const unknown = Object.keys(given).find((key) => !method.fields.some((field) => field.name === key));
  if (unknown !== undefined) throw new Error(`${name} has no argument ${unknown}`);
  writer.uint(2, method.classId);
  writer.uint(2, method.methodId);
  let bits: boolean[] = [];
  const flush = () => {
    for (let at = 0; at < bits.length; at += 8) {
      writer.uint(
        1,
        bits.slice(at, at + 8).reduce((octet, bit, index) => octet | (bit ? 1 << index : 0), 0),
      );
    }
    bits = [];
  };
  for (const { name: field, type } of method.fields) {
    if (type === 'bit') {
      bits.push(given[field] === true);
      continue;
    }
    flush();
    encodeField(writer, type, given[field]);
  }
  flush();
}

export function decodeMethod(reader: Reader): { method: string; args: Arguments } {
  const ids = `${reader.uint(2)}.${reader.uint(2)}`;
  const method = byIds.get(ids);
  if (!method) throw new Error(`the server sent a method that AMQP does not have: ${ids}`);
  const args: Arguments = {};
  let bit = 0;
  let octet = 0;
  for (const { name, type } of method.fields) {
    if (type !== 'bit') {
      bit = 0;
      args[name] = decodeField(reader, type);
      continue;
    }
    if (bit % 8 === 0) octet = reader.uint(1);
    args[name] = (octet & (1 << (bit % 8))) !== 0;
    bit += 1;
  }
  if (reader.left > 0) throw new Error(`${method.name} has ${reader.left} bytes too many`);
  return { method: method.name, args };
}

/** The payload of a content header frame of class basic. */
export function encodeHeader(writer: Writer, bodySize: number, given: Arguments | Buffer): void {
  writer.uint(2, 60);
  writer.uint(2, 0);
  writer.uint(8, bodySize);
  if (Buffer.isBuffer(given)) {
    writer.bytes(given);
    return;
  }
  writer.uint(
    2,
    properties.reduce((flags, { name }, index) => flags | (given[name] === undefined ? 0 : 0x8000 >> index), 0),
  );
  for (const { name, type } of properties) if (given[name] !== undefined) encodeField(writer, type, given[name]);
}

/** The body size, and the properties as bytes. */
export function headerParts(reader: Reader): { bodySize: number; properties: Buffer } {
  const [classId, weight, bodySize] = [reader.uint(2), reader.uint(2), reader.uint(8)];
  if (classId !== 60 || weight !== 0) throw new Error(`a content header of class ${classId} and weight ${weight}`);
  return { bodySize, properties: Buffer.from(reader.bytes(reader.left)) };
}

export function decodeHeader(from: Reader): { bodySize: number; properties: Arguments } {
  const { bodySize, properties: bytes } = headerParts(from);
  const reader = new Reader(bytes);
  const flags = reader.uint(2);
  const found: Arguments = {};
  for (const [index, { name, type }] of properties.entries()) {
    if ((flags & (0x8000 >> index)) !== 0) found[name] = decodeField(reader, type);
  }
  if (reader.left > 0) throw new Error(`a content header has ${reader.left} bytes too many`);
  return { bodySize, properties: found };
}

function encodeField(writer: Writer, type: FieldType, value: unknown): void {
  if (type === 'shortstr') writer.short((value as string | undefined) ?? '');
  else if (type === 'longstr') writer.long((value as string | Buffer | undefined) ?? '');
  else if (type === 'table' && Buffer.isBuffer(value)) writer.bytes(value);
  else if (type === 'table') encodeTable(writer, (value as Table | undefined) ?? {});
  else writer.uint(SIZES[type as keyof typeof SIZES], Number(value ?? 0));
}

function decodeField(reader: Reader, type: FieldType): unknown {
  if (type === 'shortstr') return reader.short();
  if (type === 'longstr') return reader.long().toString();
  if (type === 'table') return decodeTable(reader);
  return reader.uint(SIZES[type as keyof typeof SIZES]);
}

const SIZES = { octet: 1, short: 2, long: 4, longlong: 8, timestamp: 8 };
