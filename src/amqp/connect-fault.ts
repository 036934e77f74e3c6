/** What a failed attempt to connect, or the end of a connection, means in words: which host, what happened, what to do. Pure. */

import { type ErrorCode, LoghiveError, reasonOf } from '../errors.js';
import { type BrokerHost, hostAndPort, maskedBroker } from '../settings/broker-url.js';
import { tlsFault } from '../tls-fault.js';
import { replyText } from './reply.js';

/** An end that amqplib has not told. */
export const CLOSED_AT_ONCE = 'the broker closed the connection as soon as it was open';

/** TCP is connected, but the handshake timed out. amqplib reports `connect ETIMEDOUT` here as well. */
export const NO_HANDSHAKE = 'the server accepted the connection but did not answer in time';

/** @param error what amqplib or the socket failed with. */
export function connectFault(error: unknown, host: BrokerHost): LoghiveError {
  const tls = tlsFault(error, 'the option tls: { ca }', 'tls: { cert, key }');
  const [code, words] = tls === undefined ? explain(error, host) : (['LOGHIVE_BROKER_TLS', tls] as const);
  return new LoghiveError(code, `${maskedBroker(host)}: ${words}`, { cause: error });
}

/** @param cause why an open connection is one no more; undefined: the broker closed it without a reason. */
export function lostFault(host: BrokerHost, cause: unknown): LoghiveError {
  const reason = cause === undefined ? 'closed by the broker' : replyText(cause);
  const words = `connection to ${hostAndPort(host)} ended: ${reason}. Loghive reconnects.`;
  return new LoghiveError('LOGHIVE_BROKER_LOST', words, { cause });
}

export function tooFewChannels(host: BrokerHost, allowed: number, needed: number): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_BROKER_REFUSED',
    `${maskedBroker(host)}: the broker allows ${allowed} channels on a connection, and Loghive needs ${needed}. Raise channel_max in its configuration.`,
  );
}

function explain(error: unknown, host: BrokerHost): readonly [ErrorCode, string] {
  const said = reasonOf(error);
  const { code } = error as { code?: unknown };
  return typeof code === 'string'
    ? ['LOGHIVE_BROKER_UNREACHABLE', unreachable(code, said)]
    : handshakeEnded(said, host);
}

/** @param code of the system, as `net` passes it on. */
function unreachable(code: string, said: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens there (${said}). Start the broker, or correct host and port.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name of the host is not known to DNS (${said}). Correct it.`;
    case 'ECONNRESET':
    case 'EPIPE':
      return CLOSED;
    case 'ETIMEDOUT':
      return late(said);
    default:
      return `${said}. Check host and port, and that the broker runs.`;
  }
}

/** The server was reached. amqplib puts all that it knows of it into the text of its error. */
function handshakeEnded(said: string, host: BrokerHost): readonly [ErrorCode, string] {
  const reply = replyText(said);
  const user = JSON.stringify(host.username);
  if (/Handshake terminated by server: 403/.test(said)) {
    return ['LOGHIVE_BROKER_REFUSED', `the broker refused user ${user} or the password. Correct both (${reply}).`];
  }
  // The broker's own words are in a frame that amqplib does not hand out.
  if (/Expected ConnectionOpenOk/.test(said)) {
    const vhost = JSON.stringify(host.vhost);
    const why = `it does not exist, user ${user} has no permissions in it, or a limit of connections is reached`;
    return [
      'LOGHIVE_BROKER_REFUSED',
      `the broker refused the vhost ${vhost}: ${why}. Correct the vhost, or grant the permissions; the broker's log says which.`,
    ];
  }
  if (/Handshake terminated by server|SASL mechanism/.test(said)) {
    return ['LOGHIVE_BROKER_REFUSED', `the broker refused the connection (${reply}). Loghive logs in by PLAIN.`];
  }
  if (said === NO_HANDSHAKE)
    return [
      'LOGHIVE_BROKER_UNREACHABLE',
      `${said}. Check that it is an AMQP 0-9-1 broker and not overloaded, or raise socketTimeoutMs.`,
    ];
  if (/ETIMEDOUT/.test(said)) return ['LOGHIVE_BROKER_UNREACHABLE', late(said)];
  if (said === CLOSED_AT_ONCE) return ['LOGHIVE_BROKER_UNREACHABLE', `${said}. Its log says why.`];
  if (/closed abruptly/.test(said)) return ['LOGHIVE_BROKER_UNREACHABLE', CLOSED];
  return [
    'LOGHIVE_BROKER_UNREACHABLE',
    `what answers there does not speak AMQP 0-9-1 (${said}). Correct host and port; a port that speaks TLS wants amqps://.`,
  ];
}

/** Whether the end is seen as a FIN or as a reset is chance, and no news. */
const CLOSED =
  'the connection was closed during the handshake. Check that an AMQP 0-9-1 broker listens there, and whether it wants amqps://.';

const late = (said: string) => `no answer in time (${said}). Check host, port and firewall, or raise socketTimeoutMs.`;
