/** Negotiation before a connection runs: authentication, frame size, virtual host. */
import { type AmqpError, accessRefused, commandInvalid, NOWHERE, notAllowed, syntaxError } from '../amqp-error.js';
import type { Vhost } from '../queues/vhost.js';
import { entriesOf, type FieldTable, flag, longString, lookUp, table } from '../wire/field-table.js';
import { FRAME_MIN_BYTES } from '../wire/frame-reader.js';
import type { MethodOf } from '../wire/method-table.js';

export const PROTOCOL_HEADER = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');

/** Whether these bytes are a prefix of AMQP 0-9-1's protocol header. */
export function isGreeting(bytes: Buffer): boolean {
  const known = Math.min(bytes.length, PROTOCOL_HEADER.length);
  return bytes.subarray(0, known).equals(PROTOCOL_HEADER.subarray(0, known));
}

export const MECHANISMS = 'PLAIN';
export const LOCALES = 'en_US';

export interface Limits {
  readonly channelMax: number;
  readonly frameMax: number;
  readonly heartbeatS: number;
}

/** Client capabilities. */
export interface Capabilities {
  readonly consumerCancelNotify: boolean;
  readonly connectionBlocked: boolean;
  /** Report a refused login with connection.close instead of closing the socket. */
  readonly authenticationFailureClose: boolean;
}

export const NO_CAPABILITIES: Capabilities = {
  consumerCancelNotify: false,
  connectionBlocked: false,
  authenticationFailureClose: false,
};

/** Identifies this product, so that clients do not mistake it for RabbitMQ. */
export function serverProperties(version: string): FieldTable {
  const capabilities = {
    publisher_confirms: true,
    exchange_exchange_bindings: false,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    consumer_priorities: false,
    authentication_failure_close: true,
    per_consumer_qos: true,
    direct_reply_to: false,
  };
  return [
    ['capabilities', table(Object.entries(capabilities).map(([name, has]) => [name, flag(has)]))],
    ['product', longString('Loghive development broker')],
    ['version', longString(version)],
    ['platform', longString(`Node.js ${process.version}`)],
    ['information', longString('For development only: everything is in memory and lost when the process exits.')],
  ];
}

export function capabilitiesOf(clientProperties: FieldTable): Capabilities {
  const given = entriesOf(lookUp(clientProperties, 'capabilities')) ?? [];
  const has = (name: string) => lookUp(given, name)?.value === true;
  return {
    consumerCancelNotify: has('consumer_cancel_notify'),
    connectionBlocked: has('connection.blocked'),
    authenticationFailureClose: has('authentication_failure_close'),
  };
}

/** @throws AmqpError 503 for a mechanism other than PLAIN; 502 for a malformed response. */
export function credentialsOf({ mechanism, response }: MethodOf<'connection.start-ok'>): {
  user: string;
  password: string;
} {
  if (mechanism !== 'PLAIN') throw commandInvalid(`unknown authentication mechanism '${mechanism}'`);
  const parts = response.split('\0');
  const [authorization, user, password] = parts;
  if (parts.length !== 3 || authorization !== '' || user === undefined || password === undefined) {
    throw syntaxError('response of mechanism PLAIN invalid');
  }
  return { user, password };
}

export function loginRefused(): AmqpError {
  const error = accessRefused(
    'Login was refused using authentication mechanism PLAIN. For details see the broker logfile.',
  );
  error.at = NOWHERE;
  return error;
}

/** @throws AmqpError 530 if the client requests more than was offered, or less than the minimum. */
export function negotiated(
  offered: Limits,
  { channelMax, frameMax, heartbeat }: MethodOf<'connection.tune-ok'>,
): Limits {
  assertWithin('frame_max', frameMax, FRAME_MIN_BYTES, offered.frameMax);
  assertWithin('channel_max', channelMax, 1, offered.channelMax);
  return { channelMax, frameMax, heartbeatS: heartbeat };
}

function assertWithin(name: string, value: number, min: number, max: number): void {
  if (value !== 0 && value < min) {
    throw notAllowed(`negotiated ${name} = ${value} is lower than the minimum allowed value (${min})`);
  }
  if (value === 0 || value > max) {
    const shown = value === 0 ? '0 (no limit)' : String(value);
    throw notAllowed(`negotiated ${name} = ${shown} is higher than the maximum allowed value (${max})`);
  }
}

// The broker as seen by one of its connections.

export interface ConnectionHost {
  readonly properties: FieldTable;
  readonly limits: Limits;
  readonly handshakeMs: number;
  readonly maxMessageBytes: number;
  isUser(user: string, password: string): boolean;
  findVhost(name: string): Vhost | undefined;
  /** Why publishing is blocked; undefined: it is not. */
  blockedReason(): string | undefined;
}
