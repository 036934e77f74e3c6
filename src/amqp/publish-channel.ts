/**
 * Publishing with confirms: one connection and one confirm channel, and for each message whether the broker accepted
 * it. Used by producers and by the consumer's retries.
 */
import { EventEmitter } from 'node:events';
import type { ConfirmChannel, Message, Options } from 'amqplib';
import { backoffMs, REFUSED } from '../backoff.js';
import type { BrokerConfig } from '../config.js';
import { LoghiveError, reasonOf } from '../errors.js';
import { internalLogger } from '../internal-logger.js';
import { StatusLog } from '../status-log.js';
import { isNack, isUnencodable } from './amqplib-internals.js';
import { replyText } from './broker-reply.js';
import { Connection } from './connection.js';
import type { OpenConnection } from './open-connection.js';
import { createTopology, type Topology } from './topology.js';

/**
 * The outcome of a published message. Only `confirmed` means that the broker has it. `lost`: the channel closed before
 * a confirm, so the broker may or may not have it.
 */
export type PublishOutcome = 'confirmed' | 'nacked' | 'returned' | 'lost';

export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Omit<Options.Publish, 'persistent' | 'mandatory'>;
}

interface Events {
  /**
   * A new confirm channel is open. `isNewConnection`: on a new connection as well. Everything that was in flight before
   * has been reported as `lost`.
   */
  open: [connection: OpenConnection, isNewConnection: boolean];
  /** The broker unblocked the connection. */
  unblocked: [];
  lost: [error: LoghiveError];
  /** The broker closed the channel because of a publish. A new channel is opened automatically. */
  channelClosed: [error: LoghiveError];
  /** To be reported by the channel's owner. */
  warning: [error: LoghiveError];
}

interface InFlight {
  readonly bytes: number;
  returned: boolean;
}

/** At most one is active: an unreachable broker, or a channel that the broker has closed. */
const FAULT = 'fault';

export class PublishChannel {
  readonly events = new EventEmitter<Events>();
  readonly connection: Connection;
  readonly topology: Topology;
  /** Reports a problem with exchanges or queues. Each message is reported once. */
  readonly notice: (sentence: string) => void;
  #connected: OpenConnection | undefined;
  #open: { readonly connection: OpenConnection; readonly channel: ConfirmChannel } | undefined;
  readonly #inFlight = new Map<string, InFlight>();
  #bytesInFlight = 0;
  #lastConnection: OpenConnection | undefined;
  #messageNumber = 0;
  #channelFailures = 0;
  /** Reports a repeated reason once, until publishing has worked in between. */
  readonly #faults = new StatusLog();

  /**
   * @param keepsProcessAlive whether an open connection keeps the process running.
   * @param notice receives messages about the topology. Default: they are emitted as `warning`.
   */
  constructor(
    config: BrokerConfig,
    connectionName: string,
    keepsProcessAlive: boolean,
    notice = (sentence: string) => this.#warn(new LoghiveError('LOGHIVE_BROKER_REFUSED', sentence)),
  ) {
    const notices = new StatusLog(notice);
    this.notice = (sentence) => notices.once(sentence);
    this.topology = createTopology(this.notice);
    this.connection = new Connection(config, {
      connectionName,
      keepsProcessAlive,
      largestInFlight: () => this.#largestInFlight(),
    });
    const { events } = this.connection;
    events.on('ready', (connection) => {
      this.#connected = connection;
      // A graceful close emits no `lost`, so the channel of the previous connection may still be set.
      this.#open = undefined;
      void this.#openChannel(connection);
    });
    events.on('failed', (error) => this.#warnIfNews(error));
    events.on('blocked', (reason) =>
      this.#warn(
        new LoghiveError(
          'LOGHIVE_RECORDS_WAIT',
          `the broker blocks publishers: ${reason}. Records are buffered until it unblocks them.`,
        ),
      ),
    );
    events.on('unblocked', () => this.events.emit('unblocked'));
    events.on('lost', (error) => {
      this.#connected = undefined;
      this.#open = undefined;
      this.#channelFailures = 0;
      this.#warnIfNews(error);
      this.events.emit('lost', error);
    });
  }

  /** The connection that accepts messages now; undefined unless it is open and not blocked. */
  get openConnection(): OpenConnection | undefined {
    return this.connection.status().state === 'ready' ? this.#open?.connection : undefined;
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  get messagesInFlight(): number {
    return this.#inFlight.size;
  }

  /**
   * Publishes the message as persistent and mandatory. Without an open channel the outcome is `lost`, immediately.
   *
   * @throws TypeError or RangeError if amqplib cannot encode the properties. Nothing is sent then.
   */
  publish(message: OutgoingMessage, onOutcome: (outcome: PublishOutcome) => void): void {
    const open = this.#open;
    if (!open) {
      onOutcome('lost');
      return;
    }
    const messageId = this.#messageId(message.properties.messageId);
    const entry: InFlight = { bytes: message.body.length, returned: false };
    this.#inFlight.set(messageId, entry);
    this.#bytesInFlight += entry.bytes;
    const forget = () => {
      const known = this.#inFlight.delete(messageId);
      if (known) this.#bytesInFlight -= entry.bytes;
      return known;
    };
    const onConfirm = (error: unknown) => {
      if (forget()) onOutcome(this.#outcome(entry, error, open.channel));
    };
    const properties = { ...message.properties, messageId, persistent: true, mandatory: true };
    try {
      open.channel.publish(message.exchange, message.routingKey, message.body, properties, onConfirm);
    } catch (error) {
      if (isUnencodable(error)) {
        forget();
        throw error;
      }
      // amqplib throws while the channel is closing. The close itself is reported by the channel's events.
      onConfirm(error);
    }
  }

  /** An id that is unique among the messages in flight, to match returns. The message's own id is kept if possible. */
  #messageId(own: string | undefined): string {
    if (own !== undefined && !this.#inFlight.has(own)) return own;
    let name: string;
    do name = (this.#messageNumber++).toString(36);
    while (this.#inFlight.has(name));
    return name;
  }

  #outcome(entry: InFlight, error: unknown, channel: ConfirmChannel): PublishOutcome {
    if (!error) {
      this.#channelFailures = 0;
      this.#faults.report(FAULT, undefined);
      return entry.returned ? 'returned' : 'confirmed';
    }
    return this.#open?.channel === channel && isNack(error) ? 'nacked' : 'lost';
  }

  async #openChannel(connection: OpenConnection): Promise<void> {
    let channel: ConfirmChannel;
    try {
      channel = await connection.model.createConfirmChannel();
    } catch (error) {
      // The connection closed meanwhile, which its own events report.
      internalLogger.debug(`cannot open a channel to ${connection.host.hostname}: ${reasonOf(error)}`);
      return;
    }
    // The connection may have been lost while the channel was opened, before listeners could be added.
    if (this.#connected !== connection) return;
    channel.on('error', (error) => this.#channelFailed(connection, error));
    channel.on('return', (message) => this.#returned(message));
    this.#open = { connection, channel };
    const isNewConnection = connection !== this.#lastConnection;
    if (isNewConnection) this.#faults.report(FAULT, undefined);
    this.#lastConnection = connection;
    this.events.emit('open', connection, isNewConnection);
  }

  #channelFailed(connection: OpenConnection, cause: Error): void {
    this.#open = undefined;
    this.#channelFailures++;
    this.topology.forget();
    const error = new LoghiveError(
      'LOGHIVE_BROKER_REFUSED',
      `the broker refused a message: ${replyText(cause)}. Loghive keeps retrying.`,
      { cause },
    );
    this.#warnIfNews(error);
    this.events.emit('channelClosed', error);
    setTimeout(() => void this.#openChannel(connection), backoffMs(this.#channelFailures, REFUSED)).unref();
  }

  /** The broker returns an unroutable message before it confirms it. */
  #returned(message: Message): void {
    const entry = this.#inFlight.get(String(message.properties.messageId));
    if (entry) entry.returned = true;
  }

  #largestInFlight(): number {
    let largest = 0;
    for (const { bytes } of this.#inFlight.values()) largest = Math.max(largest, bytes);
    return largest;
  }

  #warnIfNews(error: LoghiveError): void {
    if (this.#faults.report(FAULT, error.message)) this.#warn(error);
  }

  #warn(error: LoghiveError): void {
    this.events.emit('warning', error);
  }
}
