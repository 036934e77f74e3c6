/**
 * Publishing with confirms: one connection, one confirm channel, and for each message the answer to the only question
 * that counts, whether the broker has it now. Used by producers and by the consumer's retries.
 */
import { EventEmitter } from 'node:events';
import type { ConfirmChannel, Message, Options } from 'amqplib';
import { backoffMs, REFUSED } from '../backoff.js';
import type { BrokerConfig } from '../config.js';
import { LoghiveError, reasonOf } from '../errors.js';
import { internalLogger } from '../internal-logger.js';
import { StatusLog } from '../status-log.js';
import { isNack, isUnencodable } from './amqplib-internals.js';
import { Connection } from './connection.js';
import type { OpenConnection } from './open-connection.js';
import { replyText } from './reply.js';
import { createTopology, type Topology } from './topology.js';

/**
 * What became of a published message. Only `confirmed` means that the broker has it. `lost`: the channel ended before an
 * answer; the broker may have it or not.
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
   * A fresh confirm channel is open, `afresh` on a connection of its own as well. Everything that was in flight before has
   * been settled as `lost`.
   */
  open: [connection: OpenConnection, afresh: boolean];
  /** The broker reads again after it blocked the connection. */
  unblocked: [];
  lost: [error: LoghiveError];
  /** The broker closed the channel because of something that was published. A new one is opened by itself. */
  channelClosed: [error: LoghiveError];
  /** The owner of the channel reports it. */
  warning: [error: LoghiveError];
}

interface InFlight {
  readonly bytes: number;
  returned: boolean;
}

/** There is one at a time: a connection that is away, or a channel that the broker has closed. */
const FAULT = 'fault';

export class PublishChannel {
  readonly events = new EventEmitter<Events>();
  readonly connection: Connection;
  readonly topology: Topology;
  /** Takes what a person should know of exchanges and queues, each sentence once. */
  readonly notice: (sentence: string) => void;
  #connected: OpenConnection | undefined;
  #open: { readonly connection: OpenConnection; readonly channel: ConfirmChannel } | undefined;
  readonly #inFlight = new Map<string, InFlight>();
  #bytesInFlight = 0;
  #lastLink: OpenConnection | undefined;
  #messageNumber = 0;
  #channelFailures = 0;
  /** The same reason again and again is said once, until publishing worked in between. */
  readonly #faults = new StatusLog();

  /**
   * @param keepsProcessAlive whether an open connection keeps the process running.
   * @param notice takes what its topology has to tell; without it that is a `warning`.
   */
  constructor(
    config: BrokerConfig,
    connectionName: string,
    keepsProcessAlive: boolean,
    notice = (sentence: string) => this.#warn(new LoghiveError('LOGHIVE_BROKER_REFUSED', sentence)),
  ) {
    const said = new StatusLog(notice);
    this.notice = (sentence) => said.once(sentence);
    this.topology = createTopology(this.notice);
    this.connection = new Connection(config, {
      connectionName,
      keepsProcessAlive,
      largestInFlight: () => this.#largestInFlight(),
    });
    const { events } = this.connection;
    events.on('ready', (connection) => {
      this.#connected = connection;
      // Of a connection that was closed in order, which tells no end.
      this.#open = undefined;
      void this.#openChannel(connection);
    });
    events.on('failed', (error) => this.#warnIfNews(error));
    events.on('blocked', (reason) =>
      this.#warn(
        new LoghiveError(
          'LOGHIVE_RECORDS_WAIT',
          `the broker blocks publishers: ${reason}. Records wait until it stops.`,
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

  /** The connection that messages can be published on now; none while it is not open or blocked. */
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
   * Publishes persistent and mandatory. Without an open channel the outcome is `lost`, at once.
   *
   * @throws TypeError or RangeError where amqplib cannot encode the properties; nothing is sent then.
   */
  publish(message: OutgoingMessage, settled: (outcome: PublishOutcome) => void): void {
    const open = this.#open;
    if (!open) {
      settled('lost');
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
    const answered = (error: unknown) => {
      if (forget()) settled(this.#outcome(entry, error, open.channel));
    };
    const properties = { ...message.properties, messageId, persistent: true, mandatory: true };
    try {
      open.channel.publish(message.exchange, message.routingKey, message.body, properties, answered);
    } catch (error) {
      if (isUnencodable(error)) {
        forget();
        throw error;
      }
      // amqplib throws when the channel is closing; the channel's own end is reported by its events.
      answered(error);
    }
  }

  /** Names the message in flight, so that a return can be told apart; a message's own name is kept. */
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
      // The connection ended meanwhile, and says so itself.
      internalLogger.debug(`no channel on ${connection.host.hostname}: ${reasonOf(error)}`);
      return;
    }
    // Lost in the moment in which the channel was opened: it has told its end before anybody could listen.
    if (this.#connected !== connection) return;
    channel.on('error', (error) => this.#channelFailed(connection, error));
    channel.on('return', (message) => this.#returned(message));
    this.#open = { connection, channel };
    const afresh = connection !== this.#lastLink;
    if (afresh) this.#faults.report(FAULT, undefined);
    this.#lastLink = connection;
    this.events.emit('open', connection, afresh);
  }

  #channelFailed(connection: OpenConnection, cause: Error): void {
    this.#open = undefined;
    this.#channelFailures++;
    this.topology.forget();
    const error = new LoghiveError(
      'LOGHIVE_BROKER_REFUSED',
      `publishing was refused: ${replyText(cause)}. Loghive goes on trying.`,
      { cause },
    );
    this.#warnIfNews(error);
    this.events.emit('channelClosed', error);
    setTimeout(() => void this.#openChannel(connection), backoffMs(this.#channelFailures, REFUSED)).unref();
  }

  /** The broker returns a message that no queue takes before it confirms it. */
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
