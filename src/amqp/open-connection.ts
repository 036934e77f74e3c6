/** One open amqplib connection to one host. It lasts until it is lost and never reconnects. */
import diagnostics from 'node:diagnostics_channel';
import net from 'node:net';
import { type ChannelModel, connect, type Options, type SocketOptions } from 'amqplib';
import type { BrokerConfig } from '../config.js';
import { LoghiveError, reasonOf } from '../errors.js';
import type { BrokerHost } from '../settings/broker-url.js';
import { measureBlockedTime } from '../time/blocked-time.js';
import { within } from '../time/time-limit.js';
import { internalsOf } from './amqplib-internals.js';
import { CLOSED_IMMEDIATELY, connectFault, NO_HANDSHAKE, tooFewChannels } from './connect-fault.js';

export interface OpenConnection {
  readonly model: ChannelModel;
  readonly host: BrokerHost;
  /** From the server properties, e.g. `RabbitMQ`. */
  readonly serverProduct: string;
  /** From the server properties, e.g. `3.10.8`. */
  readonly serverVersion: string;
  /** Number of bytes received from the broker. */
  bytesRead(): number;
  /**
   * Number of bytes handed to the kernel while more are buffered: it then grows only as fast as the peer accepts data.
   * Undefined while nothing is buffered, because what the kernel accepts for a dead peer is no sign of life.
   */
  bytesFlushed(): number | undefined;
  /** Negotiated heartbeat interval; 0: disabled. */
  readonly heartbeatMs: number;
  /** Maximum frame size, in bytes. */
  readonly frameMax: number;
  /** Stops reading until `resumeReading()`, so the broker has to wait. Heartbeats are not read either. */
  pauseReading(): void;
  resumeReading(): void;
  readonly isReadingPaused: boolean;
  /** Whether the broker blocks publishers at the moment (`connection.blocked`). */
  readonly isBlocked: boolean;
  /** Closes the socket without the closing handshake, which a dead peer would never answer. */
  destroy(reason: Error): void;
}

export interface ConnectOptions {
  /** Shown in RabbitMQ's list of connections. */
  readonly connectionName: string;
  /** Whether the open connection keeps the process running. */
  readonly keepsProcessAlive: boolean;
  /** Aborts the attempt. */
  readonly signal?: AbortSignal;
}

/** @throws LoghiveError BROKER_UNREACHABLE, BROKER_REFUSED or BROKER_TLS, with host and remedy in the message. */
export async function connectTo(
  host: BrokerHost,
  config: BrokerConfig,
  options: ConnectOptions,
): Promise<OpenConnection> {
  try {
    const model = await patientHandshake(host, config, options);
    const internals = internalsOf(model);
    const { socket, channelMax } = internals;
    // A broker that is shutting down closes the connection right after opening it. amqplib reports that only by events,
    // before any listener can be added.
    if (socket.writableEnded || socket.destroyed) {
      socket.destroy();
      throw new Error(CLOSED_IMMEDIATELY);
    }
    if (channelMax < MIN_CHANNELS) {
      model.on('error', () => {});
      socket.destroy(new Error('aborted'));
      throw tooFewChannels(host, channelMax, MIN_CHANNELS);
    }
    if (!options.keepsProcessAlive) internals.unref();
    return {
      model,
      host,
      serverProduct: model.connection.serverProperties.product,
      serverVersion: model.connection.serverProperties.version,
      bytesRead: () => socket.bytesRead,
      bytesFlushed: () => (socket.writableLength === 0 ? undefined : socket.bytesWritten - socket.writableLength),
      heartbeatMs: internals.heartbeatMs,
      frameMax: internals.frameMax,
      pauseReading: () => internals.pauseReading(),
      resumeReading: () => internals.resumeReading(),
      get isReadingPaused() {
        return internals.isReadingPaused;
      },
      get isBlocked() {
        return internals.isBlocked;
      },
      // With an error, because amqplib listens for 'end' and 'error', not for 'close'.
      destroy: (reason) => socket.destroy(reason),
    };
  } catch (error) {
    throw error instanceof LoghiveError ? error : connectFault(error, host);
  }
}

/** One for publishing or consuming, one for the health check, and the rest for queue declarations. */
const MIN_CHANNELS = 8;

/**
 * Tries again if a time limit was over while the application blocked the event loop: the broker may have answered in time.
 * Otherwise an application that is busy for long after its start would take its broker for unreachable.
 */
async function patientHandshake(
  host: BrokerHost,
  config: BrokerConfig,
  options: ConnectOptions,
): Promise<ChannelModel> {
  const blocked = measureBlockedTime();
  try {
    return await handshake(host, config, options);
  } catch (error) {
    if (!/ETIMEDOUT/.test(reasonOf(error)) && reasonOf(error) !== NO_HANDSHAKE) throw error;
    if (blocked.ms < config.socketTimeoutMs / 2 || options.signal?.aborted) throw error;
    return await handshake(host, config, options);
  } finally {
    blocked.stop();
  }
}

async function handshake(host: BrokerHost, config: BrokerConfig, options: ConnectOptions): Promise<ChannelModel> {
  const { protocol, hostname, port, username, password, vhost } = host;
  const address: Options.Connect = {
    protocol,
    hostname,
    port,
    username,
    password,
    // amqplib percent-decodes the vhost of an address object, as it does for a URL.
    vhost: encodeURIComponent(vhost),
    heartbeat: config.heartbeatS,
  };
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
  const socket = firstSocketOf(() => {
    const over = protocol === 'amqps' ? { socket: net.connect({ host: hostname, port }) } : {};
    opening = connect(address, { ...socketOptions, ...over });
  });
  let isAccepted = false;
  socket?.once('connect', () => {
    isAccepted = true;
  });
  if (!options.keepsProcessAlive) socket?.unref();
  const abort = () => socket?.destroy(new Error('aborted'));
  options.signal?.addEventListener('abort', abort);
  try {
    return await opening!;
  } catch (error) {
    // The TCP socket below TLS may still be connecting.
    socket?.destroy();
    throw isAccepted && /ETIMEDOUT/.test(reasonOf(error)) ? new Error(NO_HANDSHAKE, { cause: error }) : error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/**
 * A connecting socket keeps the process running, and amqplib exposes it only once it is connected. Node announces every
 * new client socket on this channel, synchronously inside `net.connect`.
 */
function firstSocketOf(open: () => void): net.Socket | undefined {
  let socket: net.Socket | undefined;
  const onSocket = (message: unknown) => {
    socket ??= (message as { socket: net.Socket }).socket;
  };
  diagnostics.subscribe('net.client.socket', onSocket);
  try {
    open();
  } finally {
    diagnostics.unsubscribe('net.client.socket', onSocket);
  }
  return socket;
}

/** Closes gracefully if the broker answers within `timeoutMs`, otherwise immediately. Never rejects. */
export async function closeConnection(connection: OpenConnection, timeoutMs: number): Promise<void> {
  connection.model.on('error', () => {});
  await within(timeoutMs, connection.model.close());
  // Also after a graceful close: a broker that blocks publishers does not read, and the unsent data would keep the
  // socket open.
  connection.destroy(new Error('closed'));
}
