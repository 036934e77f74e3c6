/** One open connection to one host, made by amqplib. It lives until it is lost; it never comes back. */
import diagnostics from 'node:diagnostics_channel';
import net from 'node:net';
import { type ChannelModel, connect, type Options, type SocketOptions } from 'amqplib';
import type { BrokerConfig } from '../config.js';
import { LoghiveError, reasonOf } from '../errors.js';
import type { BrokerHost } from '../settings/broker-url.js';
import { internalsOf } from './amqplib-internals.js';
import { CLOSED_AT_ONCE, connectFault, NO_HANDSHAKE, tooFewChannels } from './connect-fault.js';

export interface OpenConnection {
  readonly model: ChannelModel;
  readonly host: BrokerHost;
  /** `RabbitMQ`, as the server introduces itself. */
  readonly serverProduct: string;
  /** `3.10.8`, as the server introduces itself. */
  readonly serverVersion: string;
  /** Grows whenever something came from the broker. */
  bytesRead(): number;
  /**
   * How much was handed to the kernel, while more waits for it: then the kernel takes more only as fast as the peer's
   * does. Undefined while nothing waits: what the kernel keeps for a dead peer is no sign of life.
   */
  bytesTaken(): number | undefined;
  /** After how much silence the two ends send a heartbeat, as agreed with the broker; 0: never. */
  readonly heartbeatMs: number;
  /** The largest frame that the broker takes, in bytes. */
  readonly frameMax: number;
  /** Reads nothing more until `resumeReading()`: the broker has to wait. Heartbeats are not read either. */
  pauseReading(): void;
  resumeReading(): void;
  readonly isReadingPaused: boolean;
  /** The broker said last that it takes nothing from publishers for now. */
  readonly isBlocked: boolean;
  /** Ends it at once, without the closing handshake that a dead peer would never answer. */
  destroy(reason: Error): void;
}

export interface ConnectOptions {
  /** Shown in RabbitMQ's list of connections. */
  readonly connectionName: string;
  /** Whether the open connection keeps the process running. */
  readonly keepsProcessAlive: boolean;
  /** Gives the attempt up. */
  readonly signal?: AbortSignal;
}

/** @throws LoghiveError BROKER_UNREACHABLE, BROKER_REFUSED or BROKER_TLS, with host and remedy in the message. */
export async function connectTo(
  host: BrokerHost,
  config: BrokerConfig,
  options: ConnectOptions,
): Promise<OpenConnection> {
  try {
    const model = await handshake(host, config, options);
    const internals = internalsOf(model);
    const { socket, channelMax } = internals;
    // A broker that is just ending closes in the same breath as it opens. amqplib says so by events only, and reads both
    // before anybody can listen.
    if (socket.writableEnded || socket.destroyed) {
      socket.destroy();
      throw new Error(CLOSED_AT_ONCE);
    }
    if (channelMax < LEAST_CHANNELS) {
      model.on('error', () => {});
      socket.destroy(new Error('given up'));
      throw tooFewChannels(host, channelMax, LEAST_CHANNELS);
    }
    if (!options.keepsProcessAlive) internals.unref();
    return {
      model,
      host,
      serverProduct: model.connection.serverProperties.product,
      serverVersion: model.connection.serverProperties.version,
      bytesRead: () => socket.bytesRead,
      bytesTaken: () => (socket.writableLength === 0 ? undefined : socket.bytesWritten - socket.writableLength),
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
      // With an error, so that amqplib notices: it listens for 'end' and 'error', not for 'close'.
      destroy: (reason) => socket.destroy(reason),
    };
  } catch (error) {
    throw error instanceof LoghiveError ? error : connectFault(error, host);
  }
}

/** One to publish or consume on, one for the health check, and others for the questions of a declaration. */
const LEAST_CHANNELS = 8;

async function handshake(host: BrokerHost, config: BrokerConfig, options: ConnectOptions): Promise<ChannelModel> {
  const { protocol, hostname, port, username, password, vhost } = host;
  const address: Options.Connect = {
    protocol,
    hostname,
    port,
    username,
    password,
    // amqplib hands a vhost of an address object through percent-decoding, as it would that of a URL.
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
  const abort = () => socket?.destroy(new Error('given up'));
  options.signal?.addEventListener('abort', abort);
  try {
    return await opening!;
  } catch (error) {
    // Below TLS there is another one, which may still be connecting.
    socket?.destroy();
    throw isAccepted && /ETIMEDOUT/.test(reasonOf(error)) ? new Error(NO_HANDSHAKE, { cause: error }) : error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/**
 * A socket that is still connecting keeps the process running, and amqplib gives it out only once it is connected.
 * Node announces every new client socket on this channel, synchronously inside `net.connect`.
 */
function firstSocketOf(open: () => void): net.Socket | undefined {
  let socket: net.Socket | undefined;
  const take = (message: unknown) => {
    socket ??= (message as { socket: net.Socket }).socket;
  };
  diagnostics.subscribe('net.client.socket', take);
  try {
    open();
  } finally {
    diagnostics.unsubscribe('net.client.socket', take);
  }
  return socket;
}
