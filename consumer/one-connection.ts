/** A connection to the broker for a command that has one thing to do: it fails where there is none, instead of waiting. */
import type { OpenConnection } from '../src/amqp/open-connection.js';
import { PublishChannel } from '../src/amqp/publish-channel.js';
import type { BrokerConfig } from '../src/config.js';
import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { within } from '../src/time/time-limit.js';

export interface OneConnection {
  readonly publishChannel: PublishChannel;
  /**
   * The open connection, with a channel to publish on. One that was lost is waited for.
   *
   * @throws LoghiveError LOGHIVE_BROKER_UNREACHABLE and its like, for the first that cannot be had; LOGHIVE_BROKER_LOST.
   */
  opened(): Promise<OpenConnection>;
  close(): Promise<void>;
}

/** How long one that was lost is waited for, in milliseconds. */
const PATIENCE_MS = 10_000;

/** @param purpose shown in RabbitMQ's list of connections. */
export function openConnection(broker: BrokerConfig, purpose: string): OneConnection {
  const publishChannel = new PublishChannel(broker, `loghive ${purpose} ${process.pid}`, true, (sentence) =>
    internalLogger.debug(sentence),
  );
  publishChannel.events.on('warning', ({ message }) => internalLogger.debug(message));
  const first = new Promise<void>((resolve, reject) => {
    publishChannel.events.once('open', () => resolve());
    publishChannel.connection.events.once('failed', reject);
  });
  // Its failure goes to whoever asks for the connection; nobody may have asked yet.
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
      if (!publishChannel.openConnection) await within(PATIENCE_MS, again);
      if (publishChannel.openConnection) return publishChannel.openConnection;
      const { state, lastError } = publishChannel.connection.status();
      const why = state === 'blocked' ? 'it blocks publishers: its memory or disk is short' : (lastError ?? state);
      throw new LoghiveError('LOGHIVE_BROKER_LOST', `the broker takes nothing now: ${why}`);
    },
    close: () => publishChannel.connection.close(),
  };
}
