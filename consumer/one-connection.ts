/** A connection to the broker for a command that has one thing to do: it fails where there is none, instead of waiting. */
import type { Link } from '../src/amqp/link.js';
import { Outlet } from '../src/amqp/outlet.js';
import type { BrokerConfig } from '../src/config.js';
import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { within } from '../src/time/time-limit.js';

export interface OneConnection {
  readonly outlet: Outlet;
  /**
   * The open connection, with a channel to publish on. One that was lost is waited for.
   *
   * @throws LoghiveError LOGHIVE_BROKER_UNREACHABLE and its like, for the first that cannot be had; LOGHIVE_BROKER_LOST.
   */
  link(): Promise<Link>;
  close(): Promise<void>;
}

/** How long one that was lost is waited for, in milliseconds. */
const PATIENCE_MS = 10_000;

/** @param purpose shown in RabbitMQ's list of connections. */
export function openConnection(broker: BrokerConfig, purpose: string): OneConnection {
  const outlet = new Outlet(broker, `loghive ${purpose} ${process.pid}`, true, (sentence) =>
    internalLogger.debug(sentence),
  );
  outlet.events.on('warning', ({ message }) => internalLogger.debug(message));
  const first = new Promise<void>((resolve, reject) => {
    outlet.events.once('open', () => resolve());
    outlet.connection.events.once('failed', reject);
  });
  // Its failure goes to whoever asks for the link; nobody may have asked yet.
  first.catch(() => {});
  outlet.connection.open();
  return {
    outlet,
    async link() {
      await first;
      if (outlet.link) return outlet.link;
      const again = new Promise<void>((resolve) => {
        outlet.events.once('open', () => resolve());
        outlet.events.once('unblocked', () => resolve());
      });
      if (!outlet.link) await within(PATIENCE_MS, again);
      if (outlet.link) return outlet.link;
      const { state, lastError } = outlet.connection.status();
      const why = state === 'blocked' ? 'it blocks publishers: its memory or disk is short' : (lastError ?? state);
      throw new LoghiveError('LOGHIVE_BROKER_LOST', `the broker takes nothing now: ${why}`);
    },
    close: () => outlet.connection.close(),
  };
}
