/** One open connection to one host, made by amqplib. It lives until it is lost; it never comes back. */
import diagnostics from 'node:diagnostics_channel';
import net from 'node:net';
import { type ChannelModel, connect, type Options, type SocketOptions } from 'amqplib';
import { type BrokerHost, maskedBroker } from '../broker-url.js';
import type { BrokerConfig } from '../config.js';
import { LoghiveError, reasonOf } from '../errors.js';
import { tlsFault } from '../tls-fault.js';

export interface Link {
  readonly model: ChannelModel;
  readonly host: BrokerHost;
  /** `3.10.8`, as the server introduces itself. */
  readonly serverVersion: string;
  /** Grows whenever bytes came in or left for the network: a link that is merely slow goes on growing. */
  progress(): number;
  /** Ends it at once, without the closing handshake that a dead peer would never answer. */
  destroy(reason: Error): void;
}

/**
 * What amqplib keeps to itself and a logger needs: its socket, and its heartbeat timers, which would keep a script from
 * ending. A test holds that these are still there.
 */
interface Internals {
  connection: {
    stream: net.Socket;
    heartbeater: { sendTimer: NodeJS.Timeout; recvTimer: NodeJS.Timeout } | null;
  };
}

export interface LinkOptions {
  /** Shown in RabbitMQ's list of connections. */
  readonly connectionName: string;
  /** Whether the open connection keeps the process running. */
  readonly keepsProcessAlive: boolean;
}

/** @throws LoghiveError BROKER_UNREACHABLE, BROKER_REFUSED or BROKER_TLS, with host and remedy in the message. */
export async function openLink(host: BrokerHost, config: BrokerConfig, options: LinkOptions): Promise<Link> {
  try {
    const { model, stream, heartbeater } = await handshake(host, config, options);
    if (!options.keepsProcessAlive) {
      stream.unref();
      heartbeater?.sendTimer.unref();
      heartbeater?.recvTimer.unref();
    }
    return {
      model,
      host,
      serverVersion: model.connection.serverProperties.version,
      progress: () => stream.bytesRead + stream.bytesWritten - stream.writableLength,
      // With an error, so that amqplib notices: it listens for 'end' and 'error', not for 'close'.
      destroy: (reason) => stream.destroy(reason),
    };
  } catch (error) {
    throw explain(error, host);
  }
}

async function handshake(host: BrokerHost, config: BrokerConfig, options: LinkOptions) {
  const { protocol, hostname, port, username, password, vhost } = host;
  const address: Options.Connect = {
    protocol,
    hostname,
    port,
    username,
    password,
    vhost,
    heartbeat: config.heartbeatS,
  };
  // amqplib hands a vhost of an address object through percent-decoding, as it would that of a URL.
  address.vhost = encodeURIComponent(vhost);
  const socketOptions: SocketOptions = {
    ...config.tls,
    noDelay: true, // Nagle's algorithm and delayed ACKs turn a 0.2 ms confirm into 44 ms
    keepAlive: true,
    keepAliveDelay: 30_000,
    timeout: config.socketTimeoutMs,
    clientProperties: { connection_name: options.connectionName },
  };
  if (config.tls?.servername === undefined && net.isIP(hostname) === 0) socketOptions.servername = hostname;
  let opening: Promise<ChannelModel>;
  if (options.keepsProcessAlive) {
    opening = connect(address, socketOptions);
  } else if (protocol === 'amqps') {
    const socket = net.connect({ host: hostname, port }).unref();
    opening = connect(address, { ...socketOptions, socket });
  } else {
    opening = withoutHoldingTheProcess(() => connect(address, socketOptions));
  }
  const model = await opening;
  const { stream, heartbeater } = (model as unknown as Internals).connection;
  return { model, stream, heartbeater };
}

/**
 * A socket that is still connecting keeps the process running, and amqplib gives it out only once it is connected.
 * Node announces every new client socket on this channel, synchronously inside `net.connect`.
 */
function withoutHoldingTheProcess<T>(open: () => T): T {
  const release = (message: unknown) => (message as { socket: net.Socket }).socket.unref();
  diagnostics.subscribe('net.client.socket', release);
  try {
    return open();
  } finally {
    diagnostics.unsubscribe('net.client.socket', release);
  }
}

function explain(error: unknown, host: BrokerHost): LoghiveError {
  const where = maskedBroker(host);
  const reason = reasonOf(error);
  const fail = (code: ConstructorParameters<typeof LoghiveError>[0], text: string) =>
    new LoghiveError(code, `${where}: ${text}`, { cause: error });

  const tls = tlsFault(error, 'the option tls: { ca }');
  if (tls !== undefined) return fail('LOGHIVE_BROKER_TLS', tls);
  if (/ACCESS.REFUSED|\b403\b/.test(reason)) {
    return fail(
      'LOGHIVE_BROKER_REFUSED',
      `the broker refused the user or the password. Check both in the URL (${reason}).`,
    );
  }
  if (/NOT.ALLOWED|\b530\b|vhost/.test(reason)) {
    return fail(
      'LOGHIVE_BROKER_REFUSED',
      `the broker refused the vhost ${JSON.stringify(host.vhost)}: it does not exist or user ${JSON.stringify(host.username)} has no permissions in it (${reason}).`,
    );
  }
  if (/SASL mechanism/.test(reason)) return fail('LOGHIVE_BROKER_REFUSED', `${reason}; Loghive logs in by PLAIN.`);
  if (/abruptly|Unexpected close|ECONNRESET/.test(reason)) {
    return fail(
      'LOGHIVE_BROKER_UNREACHABLE',
      `the connection was closed during the handshake (${reason}). Check that an AMQP 0-9-1 broker listens there, and whether it wants amqps://.`,
    );
  }
  if (/ETIMEDOUT/.test(reason)) {
    return fail(
      'LOGHIVE_BROKER_UNREACHABLE',
      `no answer in time (${reason}). Check host, port and firewall, or raise socketTimeoutMs.`,
    );
  }
  return fail('LOGHIVE_BROKER_UNREACHABLE', `${reason}. Check host and port, and that the broker runs.`);
}
