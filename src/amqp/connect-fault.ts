/**
 * Turns a failed connection attempt or a lost connection into an error message: which host, what happened, what to do.
 * Pure.
 */

import { type ErrorCode, LoghiveError, reasonOf } from '../errors.js';
import { type BrokerHost, hostAndPort, maskedBroker } from '../settings/broker-url.js';
import { tlsFault } from '../tls-fault.js';
import { replyText } from './broker-reply.js';

/** A close that amqplib does not report. */
export const CLOSED_IMMEDIATELY = 'the broker closed the connection as soon as it was open';

/** TCP is connected, but the handshake timed out. amqplib reports `connect ETIMEDOUT` here as well. */
export const NO_HANDSHAKE = 'the server accepted the connection but did not answer in time';

/** amqplib does not expose the frame with the broker's reply text. */
const VHOST_REFUSED = /Expected ConnectionOpenOk/;

/** @param error the error from amqplib or the socket. */
export function connectFault(error: unknown, host: BrokerHost): LoghiveError {
  const tls = tlsFault(error, 'the option tls: { ca }', 'tls: { cert, key }');
  const [code, words] = tls === undefined ? explain(error, host) : (['LOGHIVE_BROKER_TLS', tls] as const);
  return new LoghiveError(code, `${maskedBroker(host)}: ${words}`, { cause: error });
}

/** @param cause why the connection was lost; undefined if the broker closed it without a reason. */
export function lostFault(host: BrokerHost, cause: unknown): LoghiveError {
  const reason = cause === undefined ? 'closed by the broker' : replyText(cause);
  const words = `connection to ${hostAndPort(host)} ended: ${reason}. Loghive reconnects.`;
  return new LoghiveError('LOGHIVE_BROKER_LOST', words, { cause });
}

/** Whether the user and the password were accepted, and the vhost was not. */
export function isVhostRefusal(error: unknown): boolean {
  return error instanceof LoghiveError && VHOST_REFUSED.test(reasonOf(error.cause));
}

export function tooFewChannels(host: BrokerHost, allowed: number, needed: number): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_BROKER_REFUSED',
    `${maskedBroker(host)}: the broker allows ${allowed} channels on a connection, and Loghive needs ${needed}. Raise channel_max in its configuration.`,
  );
}

function explain(error: unknown, host: BrokerHost): readonly [ErrorCode, string] {
  const message = reasonOf(error);
  const { code } = error as { code?: unknown };
  return typeof code === 'string'
    ? ['LOGHIVE_BROKER_UNREACHABLE', unreachable(code, message)]
    : handshakeEnded(message, host);
}

/** @param code system error code, as reported by `net`. */
function unreachable(code: string, message: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens there (${message}). Start the broker, or correct host and port.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name could not be resolved (${message}). Correct it.`;
    case 'ECONNRESET':
    case 'EPIPE':
      return CLOSED;
    case 'ETIMEDOUT':
      return timedOut(message);
    default:
      return `${message}. Check host and port, and that the broker is running.`;
  }
}

/** The server was reached. amqplib reports the details only in the text of its error. */
function handshakeEnded(message: string, host: BrokerHost): readonly [ErrorCode, string] {
  const reply = replyText(message);
  const user = JSON.stringify(host.username);
  if (/Handshake terminated by server: 403/.test(message)) {
    return ['LOGHIVE_BROKER_REFUSED', `the broker refused user ${user} or the password. Correct both (${reply}).`];
  }
  if (VHOST_REFUSED.test(message)) {
    const vhost = JSON.stringify(host.vhost);
    const why = `it does not exist, user ${user} has no permissions in it, or its connection limit is reached`;
    return [
      'LOGHIVE_BROKER_REFUSED',
      `the broker refused the vhost ${vhost}: ${why}. Correct the vhost, or grant the permissions; the broker's log shows the reason.`,
    ];
  }
  if (/Handshake terminated by server|SASL mechanism/.test(message)) {
    return [
      'LOGHIVE_BROKER_REFUSED',
      `the broker refused the connection (${reply}). Loghive authenticates with PLAIN.`,
    ];
  }
  if (message === NO_HANDSHAKE)
    return [
      'LOGHIVE_BROKER_UNREACHABLE',
      `${message}. Check that it is an AMQP 0-9-1 broker and not overloaded, or raise socketTimeoutMs.`,
    ];
  if (/ETIMEDOUT/.test(message)) return ['LOGHIVE_BROKER_UNREACHABLE', timedOut(message)];
  if (message === CLOSED_IMMEDIATELY)
    return ['LOGHIVE_BROKER_UNREACHABLE', `${message}. See the broker's log for the reason.`];
  if (/closed abruptly/.test(message)) return ['LOGHIVE_BROKER_UNREACHABLE', CLOSED];
  return [
    'LOGHIVE_BROKER_UNREACHABLE',
    `the server does not speak AMQP 0-9-1 (${message}). Correct host and port; use amqps:// for a TLS port.`,
  ];
}

/** Whether the close arrives as a FIN or as a reset is a race, so both give the same message. */
const CLOSED =
  'the connection was closed during the handshake. Check that an AMQP 0-9-1 broker listens on this port, and whether it requires amqps://.';

const timedOut = (message: string) =>
  `no answer in time (${message}). Check host, port and firewall, or raise socketTimeoutMs.`;
