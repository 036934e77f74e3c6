/**
 * The development broker: AMQP 0-9-1 on loopback, compatible with RabbitMQ 3.10, entirely in memory. For development
 * and demos only. Unsupported features are refused with 540; see docs/development-broker.md.
 */
import net, { type AddressInfo } from 'node:net';
import { LoghiveError } from '../../../src/errors.js';
import { packageVersion } from '../../../src/package-version.js';
import { AmqpError } from './amqp-error.js';
import { type BrokerOptions, brokerSettings } from './broker-options.js';
import { MemoryAccount, type MessageCounts, noMessageCounts } from './queues/message.js';
import type { Queue } from './queues/queue.js';
import { Vhost } from './queues/vhost.js';
import { Connection, type ConnectionState } from './session/connection.js';
import type { ConnectionHost } from './session/handshake.js';
import { serverProperties } from './session/handshake.js';
import { plainTable } from './wire/field-table.js';
import { readableText, wireText } from './wire/wire-text.js';

export interface QueueInfo {
  readonly name: string;
  readonly type: 'classic' | 'quorum';
  readonly durable: boolean;
  /** ready + unacked */
  readonly messages: number;
  readonly ready: number;
  readonly unacked: number;
  readonly consumers: number;
  readonly arguments: Record<string, unknown>;
}

export interface ConnectionInfo {
  readonly name: string;
  readonly vhost: string;
  readonly user: string;
  readonly state: ConnectionState | 'blocked';
  readonly channels: number;
  readonly ssl: false;
}

export interface DevelopmentBroker {
  readonly host: string;
  readonly port: number;
  /** amqp://USER:PASSWORD@HOST:PORT, virtual host "/". */
  readonly url: string;
  /** Reported to clients: the version of this package. */
  readonly version: string;
  vhostUrl(name: string): string;
  /** Adds a virtual host if it does not exist, and returns its URL. */
  addVhost(name: string): string;
  /** Deletes the virtual host with its contents, and closes its connections. */
  deleteVhost(name: string): void;
  listQueues(vhost?: string): QueueInfo[];
  /** Counts since the virtual host was added. */
  messageCounts(vhost?: string): MessageCounts;
  listConnections(): ConnectionInfo[];
  /** Closes all connections with 320 CONNECTION_FORCED. Returns their number. */
  closeConnections(reason?: string): number;
  /** Blocks publishing connections, like a RabbitMQ that is low on memory. */
  block(reason?: string): void;
  unblock(): void;
  /** Closes all connections and discards everything. */
  stop(): Promise<void>;
}

/** RabbitMQ's text, which clients know. */
const LOW_ON_MEMORY = 'low on memory';
/** Limit of a short string. */
const MAX_REASON_BYTES = 255;
/** How long clients may take to disconnect, in milliseconds. */
const STOPPING_MS = 1000;

/** @throws LoghiveError LOGHIVE_INVALID_OPTION for an invalid option or a port in use. */
export async function startDevelopmentBroker(options: BrokerOptions = {}): Promise<DevelopmentBroker> {
  const settings = brokerSettings(options);
  const { host, user, password } = settings;
  const version = packageVersion();
  const connections = new Set<Connection>();
  const vhosts = new Map<string, Vhost>();
  let blockReason: string | undefined;

  const unblock = () => {
    for (const connection of connections) connection.unblock();
  };
  const memory = new MemoryAccount(settings.memoryBytes, () => {
    // Deferred: a queue may be in the middle of a change.
    if (!memory.isFull) setImmediate(unblock);
  });

  const connectionHost: ConnectionHost = {
    properties: serverProperties(version),
    limits: settings,
    handshakeMs: settings.handshakeMs,
    maxMessageBytes: settings.maxMessageBytes,
    isUser: (name, secret) => name === wireText(user) && secret === wireText(password),
    findVhost: (name) => vhosts.get(name),
    blockedReason: () => blockReason ?? (memory.isFull ? LOW_ON_MEMORY : undefined),
  };

  const server = net.createServer((socket) => {
    const connection = new Connection(socket, connectionHost, () => connections.delete(connection));
    connections.add(connection);
  });
  const port = await listen(server, settings.port, host);

  function vhostUrl(name: string): string {
    const url = new URL(`amqp://${host}:${port}`);
    url.username = encodeURIComponent(user);
    url.password = encodeURIComponent(password);
    if (name !== '/') url.pathname = `/${encodeURIComponent(name)}`;
    return url.href;
  }

  function addVhost(name: string): string {
    const wireName = wireText(name);
    if (!vhosts.has(wireName)) vhosts.set(wireName, new Vhost(wireName, memory));
    return vhostUrl(name);
  }

  function force(reason: string, which: (connection: Connection) => boolean = () => true): number {
    const chosen = [...connections].filter(which);
    for (const connection of chosen) connection.end(new AmqpError(320, wireText(reason)));
    return chosen.length;
  }

  for (const name of settings.vhosts) addVhost(name);

  return {
    host,
    port,
    url: vhostUrl('/'),
    version,
    vhostUrl,
    addVhost,
    deleteVhost(name) {
      const vhost = vhosts.get(wireText(name));
      if (vhost === undefined) return;
      vhosts.delete(vhost.name);
      force(`vhost '${name}' is deleted`, (connection) => connection.vhost === vhost);
      vhost.end();
    },
    listQueues: (vhost = '/') => [...(vhosts.get(wireText(vhost))?.queues() ?? [])].map(queueInfo),
    messageCounts: (vhost = '/') => ({ ...(vhosts.get(wireText(vhost))?.counts ?? noMessageCounts()) }),
    listConnections: () => [...connections].map(connectionInfo),
    closeConnections: (reason = 'closed by the development broker') => force(reason),
    block(reason = LOW_ON_MEMORY) {
      blockReason = wireText(reason).slice(0, MAX_REASON_BYTES);
    },
    unblock() {
      blockReason = undefined;
      unblock();
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      force("broker forced connection closure with reason 'shutdown'");
      const deadline = setTimeout(() => {
        for (const connection of connections) connection.destroy();
      }, STOPPING_MS);
      await closed;
      clearTimeout(deadline);
      for (const vhost of vhosts.values()) vhost.end();
      vhosts.clear();
    },
  };
}

function listen(server: net.Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new LoghiveError(
          'LOGHIVE_INVALID_OPTION',
          `the development broker cannot listen on ${host}:${port}: ${cause.message}. Free the port, or use port 0 for any free port`,
          { cause },
        ),
      ),
    );
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function queueInfo(queue: Queue): QueueInfo {
  const { name, settings, identity, readyCount, unackedCount, consumerCount } = queue;
  return {
    name: readableText(name),
    type: settings.type,
    durable: identity.durable,
    messages: readyCount + unackedCount,
    ready: readyCount,
    unacked: unackedCount,
    consumers: consumerCount,
    arguments: plainTable(identity.arguments),
  };
}

function connectionInfo({ name, vhost, user, state, channelCount }: Connection): ConnectionInfo {
  return {
    name,
    vhost: readableText(vhost?.name ?? ''),
    user: readableText(user),
    state,
    channels: channelCount,
    ssl: false,
  };
}
