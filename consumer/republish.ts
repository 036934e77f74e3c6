/**
 * Messages that go back to the broker: a refused record into its delay queue, a message that came back too often to the
 * end of its own queue. The original is acknowledged only after the broker confirmed the copy.
 */
import type { ConsumeMessage, Options } from 'amqplib';
import { messageLimit, replyText } from '../src/amqp/broker-reply.js';
import type { ConnectionStatus } from '../src/amqp/connection.js';
import type { OpenConnection } from '../src/amqp/open-connection.js';
import { type OutgoingMessage, PublishChannel, type PublishOutcome } from '../src/amqp/publish-channel.js';
import type { BrokerConfig } from '../src/config.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import {
  delayQueue,
  FAILURE_EXCHANGE,
  FAILURE_KEY,
  failureQueue,
  type QueueSettings,
  ROUNDS_HEADER,
} from '../src/wire.js';
import { copiedProperties, leastProperties } from './copied-properties.js';
import { countHeader } from './delivery.js';
import { headerFrameBytes } from './header-size.js';
import type { RetryCopy } from './retry-copy.js';

/** The largest message that the broker takes, as it said when it closed the channel over a larger one. */
export interface MessageLimit {
  readonly bytes: number;
  /** Its words. */
  readonly words: string;
}

export interface Republisher {
  /** Connects, and declares the retry exchange and its queues on each connection. */
  open(): void;
  /** Puts one record into the delay queue of `delayMs`. Resolves to what became of it, or to the limit that it is above. */
  retry(copy: RetryCopy, delayMs: number): Promise<PublishOutcome | MessageLimit>;
  /**
   * Publishes the whole message to its own queue, where the broker counts its deliveries anew. Resolves to whether the
   * broker has it.
   */
  requeueAsNew(queue: string, message: ConsumeMessage): Promise<boolean>;
  /** A larger message would only close the channel, with all others on it. Undefined as long as the broker refused none. */
  readonly limit: MessageLimit | undefined;
  /** Whether the broker takes messages now. */
  readonly isReady: boolean;
  /** Resolves when it does. */
  whenReady(): Promise<void>;
  /** Why there is no connection that messages can be published on, in words. Not while the first one is being opened. */
  readonly connectionFault: string | undefined;
  /** Why messages are not confirmed, in words: the connection, or what the broker said to the last one. */
  readonly fault: string | undefined;
  status(): ConnectionStatus;
  close(): Promise<void>;
}

export interface RepublisherOptions {
  readonly broker: BrokerConfig;
  readonly queues: QueueSettings;
  readonly retryDelaysMs: readonly number[];
}

/**
 * @param warn takes what goes wrong with the connection.
 * @param notice takes what a person should know of the retry exchange and its queues.
 */
export function createRepublisher(
  options: RepublisherOptions,
  warn: (sentence: string) => void,
  notice: (sentence: string) => void,
): Republisher {
  const publishChannel = new PublishChannel(
    options.broker,
    `loghive consumer ${process.pid} (publishing)`,
    true,
    notice,
  );
  publishChannel.events.on('warning', (error) => warn(error.message));

  async function declare(connection: OpenConnection): Promise<void> {
    const { queues, retryDelaysMs } = options;
    const wanted = [
      failureQueue(queues.type, queues, connection.serverVersion),
      ...retryDelaysMs.map((delayMs) => delayQueue(delayMs, queues.type, connection.serverVersion)),
    ];
    try {
      for (const declaration of wanted) await publishChannel.topology.ensure(connection, declaration);
    } catch (error) {
      internalLogger.debug(`retry queues are not declared: ${reasonOf(error)}`);
    }
  }

  let limit: MessageLimit | undefined;
  publishChannel.events.on('open', (connection, isNewConnection) => {
    // It may be another broker, or have another limit now.
    if (isNewConnection) limit = undefined;
    void declare(connection);
  });

  /** What the broker said to the last message, unless it confirmed that. */
  let refusal: string | undefined;
  publishChannel.events.on('channelClosed', (error) => {
    refusal = error.message;
    const bytes = messageLimit(error.message);
    if (bytes !== undefined) limit = { bytes, words: replyText(error.cause) };
  });

  let ready: Promise<void> | undefined;
  let release = () => {};
  for (const event of ['open', 'unblocked'] as const) {
    publishChannel.events.on(event, () => {
      release();
      ready = undefined;
    });
  }

  function connectionFault(): string | undefined {
    const { state, lastError } = publishChannel.connection.status();
    if (state === 'ready') return undefined;
    return state === 'blocked' ? 'the broker blocks publishers (its memory or disk is short)' : lastError;
  }

  async function publish(message: OutgoingMessage): Promise<PublishOutcome | MessageLimit> {
    if (limit && message.body.length > limit.bytes) return limit;
    const outcome = await new Promise<PublishOutcome>((resolve) => publishChannel.publish(message, resolve));
    refusal = outcome === 'lost' ? refusal : REFUSALS[outcome];
    if (outcome === 'returned' && publishChannel.openConnection) {
      // No queue takes it any more: somebody deleted it. It is there again when the caller repeats.
      publishChannel.topology.forget();
      await declare(publishChannel.openConnection);
    }
    return outcome;
  }

  return {
    open: () => publishChannel.connection.open(),
    retry: (copy, delayMs) => publish({ ...copy, exchange: FAILURE_EXCHANGE, routingKey: `${FAILURE_KEY}.${delayMs}` }),
    async requeueAsNew(queue, { properties, content }) {
      const rounds = countHeader(properties.headers?.[ROUNDS_HEADER]) + 1;
      const copyWith = async (copied: Options.Publish) =>
        (await publish({ exchange: '', routingKey: queue, body: content, properties: copied })) === 'confirmed';
      const copied = copiedProperties(properties, rounds);
      const withoutHeaders = (why: string) => {
        internalLogger.debug(`the headers of a message from queue "${queue}" are not copied: ${why}`);
        return copyWith(leastProperties(properties, { [ROUNDS_HEADER]: rounds }));
      };
      if (headerFrameBytes(copied) > (publishChannel.openConnection?.frameMax ?? 0))
        return withoutHeaders('they do not fit into a frame');
      return copyWith(copied).catch((error) => withoutHeaders(reasonOf(error)));
    },
    get limit() {
      return limit;
    },
    get isReady() {
      return publishChannel.openConnection !== undefined;
    },
    async whenReady() {
      if (publishChannel.openConnection !== undefined) return;
      ready ??= new Promise((resolve) => {
        release = resolve;
      });
      await ready;
    },
    get connectionFault() {
      return connectionFault();
    },
    get fault() {
      return connectionFault() ?? refusal;
    },
    status: () => publishChannel.connection.status(),
    close: () => publishChannel.connection.close(),
  };
}

const REFUSALS = {
  confirmed: undefined,
  nacked: 'the broker refuses them (a queue is full)',
  returned: 'their queue does not exist',
} as const;
