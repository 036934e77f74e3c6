/**
 * Publishes messages back to the broker: a refused record to its delay queue, and a message that was redelivered too
 * often to the end of its own queue. The original is acknowledged only after the broker has confirmed the copy.
 */
import type { ConsumeMessage, Options } from 'amqplib';
import { messageLimit, replyText } from '../src/amqp/broker-reply.js';
import type { ConnectionStatus } from '../src/amqp/connection.js';
import type { OpenConnection } from '../src/amqp/open-connection.js';
import { type OutgoingMessage, PublishChannel, type PublishOutcome } from '../src/amqp/publish-channel.js';
import type { BrokerConfig } from '../src/config.js';
import { reasonOf } from '../src/errors.js';
import { RECORD_CONTENT_TYPE } from '../src/frame.js';
import { internalLogger } from '../src/internal-logger.js';
import {
  ATTEMPT_HEADER,
  delayQueue,
  FAILURE_EXCHANGE,
  FAILURE_KEY,
  failureQueue,
  ORIGIN_HEADER,
  type QueueSettings,
} from '../src/wire.js';
import { copiedProperties, headerFrameBytes, minimalProperties, timestampOf } from './copied-properties.js';
import { nextRound } from './delivery.js';
import type { ParsedDelivery } from './parse-delivery.js';

/** The broker's message size limit, learned when it closed the channel over a larger message. */
export interface MessageLimit {
  readonly bytes: number;
  /** The broker's error text. */
  readonly words: string;
}

export interface Republisher {
  /** Connects. Declares the retry exchange and its queues on each connection. */
  open(): void;
  /** Publishes one record to the delay queue of `delayMs`. Resolves to the outcome, or to the limit that it exceeds. */
  retry(copy: RetryCopy, delayMs: number): Promise<PublishOutcome | MessageLimit>;
  /**
   * Publishes the whole message to its own queue, where the broker counts its deliveries from zero. Resolves to whether
   * the broker confirmed it.
   */
  requeueAsNew(queue: string, message: ConsumeMessage): Promise<boolean>;
  /**
   * Known size limit, above which a message would close the channel with all others on it. Undefined until the broker
   * refuses one.
   */
  readonly limit: MessageLimit | undefined;
  /** Whether messages can be published. */
  readonly isReady: boolean;
  /** Resolves when messages can be published. */
  whenReady(): Promise<void>;
  /** Why there is no connection to publish on. Undefined while the first one is being opened. */
  readonly connectionFault: string | undefined;
  /** Why messages are not confirmed: the connection fault, or the broker's answer to the last message. */
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
 * @param warn receives connection failures.
 * @param notice receives problems with the retry exchange and its queues that need attention.
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
      internalLogger.debug(`cannot declare the retry queues: ${reasonOf(error)}`);
    }
  }

  let limit: MessageLimit | undefined;
  publishChannel.events.on('open', (connection, isNewConnection) => {
    // It may be another broker, or one with a new limit.
    if (isNewConnection) limit = undefined;
    void declare(connection);
  });

  /** The broker's refusal of the last message; undefined if it was confirmed. */
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
    return state === 'blocked' ? 'the broker blocks publishers (it is low on memory or disk space)' : lastError;
  }

  async function publish(message: OutgoingMessage): Promise<PublishOutcome | MessageLimit> {
    if (limit && message.body.length > limit.bytes) return limit;
    const outcome = await new Promise<PublishOutcome>((resolve) => publishChannel.publish(message, resolve));
    refusal = outcome === 'lost' ? refusal : REFUSALS[outcome];
    if (outcome === 'returned' && publishChannel.openConnection) {
      // Its queue was deleted. Declare it again before the caller retries.
      publishChannel.topology.forget();
      await declare(publishChannel.openConnection);
    }
    return outcome;
  }

  return {
    open: () => publishChannel.connection.open(),
    retry: (copy, delayMs) => publish({ ...copy, exchange: FAILURE_EXCHANGE, routingKey: `${FAILURE_KEY}.${delayMs}` }),
    async requeueAsNew(queue, { properties, content }) {
      const own = nextRound({ properties }, Date.now());
      const copyWith = async (copied: Options.Publish) =>
        (await publish({ exchange: '', routingKey: queue, body: content, properties: copied })) === 'confirmed';
      const copied = copiedProperties(properties, own);
      const withoutHeaders = (why: string) => {
        internalLogger.debug(`omitting the headers of a message from queue "${queue}": ${why}`);
        return copyWith(minimalProperties(properties, own));
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
  nacked: 'the broker rejects them (a queue is full)',
  returned: 'their queue does not exist',
} as const;

export type RetryCopy = Pick<OutgoingMessage, 'body' | 'properties'>;

/**
 * Builds the message that retries a record later. It is the message as delivered if it contains only this record:
 * decompressed and in UTF-8 it may be far larger than the broker accepts.
 */
export function retryCopy(delivery: ParsedDelivery, raw: Buffer): RetryCopy {
  const { content, properties } = delivery.message;
  const headers = { [ATTEMPT_HEADER]: delivery.attempt + 1, [ORIGIN_HEADER]: delivery.origin };
  const whole = minimalProperties(properties, headers);
  const { contentType, contentEncoding } = properties;
  // A property that cannot be encoded is omitted, which would change how the body is read.
  const isReadTheSame = whole.contentType === contentType && whole.contentEncoding === contentEncoding;
  if (delivery.records === 1 && isReadTheSame) return { body: content, properties: whole };
  return { body: raw, properties: { ...timestampOf(properties), contentType: RECORD_CONTENT_TYPE, headers } };
}
