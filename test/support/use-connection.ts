import { Connection, type ConnectionOptions, type ConnectionState } from '../../src/amqp/connection.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import type { BrokerConfig } from '../../src/config.js';
import type { LoghiveError } from '../../src/errors.js';
import { parseBrokerUrl } from '../../src/settings/broker-url.js';
import { onEnd } from './use-servers.js';
import { eventually } from './wait.mjs';

export interface TestConnection {
  connection: Connection;
  /** The events so far, in order. */
  received: Array<{
    event: 'ready' | 'lost' | 'failed' | 'blocked' | 'unblocked';
    error?: LoghiveError;
    connection?: OpenConnection;
  }>;
  /** Resolves when the connection is in this state. Rejects after `withinMs` (default 10000). */
  is(state: ConnectionState, withinMs?: number): Promise<void>;
  /** Names of the events so far. */
  events(): string[];
}

export function brokerConfigOf(url: string, settings: Partial<BrokerConfig> = {}): BrokerConfig {
  const limits = { heartbeatS: 60, blockedTimeoutMs: 300_000, socketTimeoutMs: 5000, tls: undefined };
  return { hosts: parseBrokerUrl(url), ...limits, ...settings };
}

/** Opens a connection, which is closed at the end of the test. */
export function useConnection(
  url: string,
  settings: Partial<BrokerConfig> = {},
  options: Partial<ConnectionOptions> = {},
): TestConnection {
  const connection = new Connection(brokerConfigOf(url, settings), {
    connectionName: 'test',
    keepsProcessAlive: false,
    ...options,
  });
  const received: TestConnection['received'] = [];
  connection.events.on('ready', (connection) => received.push({ event: 'ready', connection }));
  connection.events.on('lost', (error) => received.push({ event: 'lost', error }));
  connection.events.on('failed', (error) => received.push({ event: 'failed', error }));
  connection.events.on('blocked', () => received.push({ event: 'blocked' }));
  connection.events.on('unblocked', () => received.push({ event: 'unblocked' }));
  connection.open();
  onEnd(() => connection.close());
  return {
    connection,
    received,
    is: async (state, withinMs = 10_000) => {
      const look = () => connection.status().state === state;
      await eventually(look, { withinMs, what: `the state ${state}` });
    },
    events: () => received.map(({ event }) => event),
  };
}
