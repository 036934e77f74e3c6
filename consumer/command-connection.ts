/** A broker connection for a command. Unlike a consumer's, it fails if the broker cannot be reached at first. */
import type { OpenConnection } from '../src/amqp/open-connection.js';
import { PublishChannel } from '../src/amqp/publish-channel.js';
import type { BrokerConfig } from '../src/config.js';
import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { within } from '../src/time/time-limit.js';

export interface CommandConnection {
  readonly publishChannel: PublishChannel;
  /**
   * The open connection, with its publish channel. Waits if the connection was lost.
   *
   * @throws LoghiveError LOGHIVE_BROKER_UNREACHABLE and similar if the first attempt fails; LOGHIVE_BROKER_LOST.
   */
  opened(): Promise<OpenConnection>;
  close(): Promise<void>;
}

/** How long to wait for a lost connection, in milliseconds. */
const RECONNECT_TIMEOUT_MS = 10_000;

/** @param purpose shown in RabbitMQ's list of connections. */
export function openCommandConnection(broker: BrokerConfig, purpose: string): CommandConnection {
  const publishChannel = new PublishChannel(broker, `loghive ${purpose} ${process.pid}`, true, (sentence) =>
    internalLogger.debug(sentence),
  );
  publishChannel.events.on('warning', ({ message }) => internalLogger.debug(message));
  const first = new Promise<void>((resolve, reject) => {
    publishChannel.events.once('open', () => resolve());
    publishChannel.connection.events.once('failed', reject);
  });
  // The failure is thrown by `opened()`, which may not have been called yet.
  first.catch(() => {});
  publishChannel.connection.open();
  return {
    publishChannel,
    async opened() {
      await first;
      if (publishChannel.openConnection) return publishChannel.openConnection;
      const again = new Promise<void>((resolve) => {
        publishChannel.events.once('open', () => resolve());
        publishChannel.events.once('unblocked', () => resolve());
      });
      if (!publishChannel.openConnection) await within(RECONNECT_TIMEOUT_MS, again);
      if (publishChannel.openConnection) return publishChannel.openConnection;
      const { state, lastError } = publishChannel.connection.status();
      const why =
        state === 'blocked' ? 'it blocks publishers because it is low on memory or disk space' : (lastError ?? state);
      throw new LoghiveError('LOGHIVE_BROKER_LOST', `the broker accepts no messages: ${why}`);
    },
    close: () => publishChannel.connection.close(),
  };
}
