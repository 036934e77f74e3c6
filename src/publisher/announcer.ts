/**
 * Announces the services of this producer, so that a consumer without a list of names finds them: on each connection,
 * once an hour, and when a service is added.
 *
 *            connected, or another service        channel is open         queue is declared
 *   idle ──────────────────────────────▶ opening ───────────────▶ declaring ────────────▶ open
 *    ▲                                      │                       │      ▲ an hour is over │
 *    │                                      │                       │      └────────────────┤
 *    └────────────── channel closed ────────┴───────────────────────┴───────────────────────┘
 *
 * It has its own channel and declarations, so that an error here does not affect records, which never wait for it. If
 * the process dies at any point, the announcement is missing until the next one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConfirmChannel } from 'amqplib';
import { isNack } from '../amqp/amqplib-internals.js';
import type { OpenConnection } from '../amqp/open-connection.js';
import type { PublishChannel } from '../amqp/publish-channel.js';
import { createTopology, type Topology } from '../amqp/topology.js';
import { encodeAnnouncement } from '../announcement.js';
import { type BackoffPolicy, backoffMs } from '../backoff.js';
import { LoghiveError, reasonOf } from '../errors.js';
import { RECORD_CONTENT_TYPE } from '../frame.js';
import type { InternalLogger } from '../internal-logger.js';
import { StatusLog } from '../status-log.js';
import { LOGS_EXCHANGE, SERVICES, SERVICES_KEY, SERVICES_QUEUE } from '../wire.js';

const HOUR_MS = 3_600_000;
/** After an announcement was returned: the queue may be on a node that is down for a while. */
const RETURNED: BackoffPolicy = { firstMs: 1000, maxMs: 60_000 };

type State =
  /** @property closedOn the connection on which the channel was closed; retried there after an hour. */
  | { readonly name: 'idle'; readonly closedOn?: OpenConnection | undefined }
  | { readonly name: 'opening'; readonly connection: OpenConnection }
  | { readonly name: 'declaring'; readonly connection: OpenConnection; readonly channel: ConfirmChannel }
  | {
      readonly name: 'open';
      readonly connection: OpenConnection;
      readonly channel: ConfirmChannel;
      readonly announced: Set<string>;
      readonly answered: Set<string>;
    };

interface Reports {
  readonly warn: (error: LoghiveError) => void;
  readonly log: InternalLogger;
}

export class Announcer {
  readonly #publishChannel: PublishChannel;
  readonly #warn: (error: LoghiveError) => void;
  readonly #log: InternalLogger;
  readonly #topology: Topology;
  readonly #services = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #state: State = { name: 'idle' };
  readonly #statusLog = new StatusLog();
  #waiting: (() => void)[] = [];
  /** The delay after which a returned announcement is repeated. */
  #again: NodeJS.Timeout | undefined;
  #consecutiveReturns = 0;

  /** @param everyMs how often every service is announced again on the same connection, in milliseconds. */
  constructor(publishChannel: PublishChannel, { warn, log }: Reports, everyMs = HOUR_MS) {
    this.#publishChannel = publishChannel;
    this.#warn = warn;
    this.#log = log;
    this.#topology = createTopology(publishChannel.notice);
    publishChannel.events.on('open', (connection) => this.#connected(connection));
    publishChannel.events.on('unblocked', () => this.#announce());
    this.#timer = setInterval(() => this.#repeat(), everyMs).unref();
  }

  /** Announces this service from now on. */
  add(service: string): void {
    if (this.#services.has(service)) return;
    this.#services.add(service);
    this.#announce();
  }

  /** Whether the broker has answered for each service, or cannot be asked. */
  get hasAnnounced(): boolean {
    const state = this.#state;
    if (this.#services.size === 0) return true;
    if (state.name === 'idle')
      return !this.#publishChannel.openConnection || state.closedOn === this.#publishChannel.openConnection;
    return state.name === 'open' && [...this.#services].every((service) => state.answered.has(service));
  }

  /** Services for which the broker has not answered on this connection. */
  get unannounced(): string[] {
    const state = this.#state;
    return [...this.#services].filter((service) => state.name !== 'open' || !state.answered.has(service));
  }

  /** Resolves when `hasAnnounced` is true. */
  announced(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#resolveWaiting();
    });
  }

  #resolveWaiting(): void {
    if (this.#waiting.length === 0 || !this.hasAnnounced) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /**
   * Called before the connection is closed: sends pending announcements without waiting for any answer. Otherwise a
   * consumer might never find a script that ends as soon as its records are confirmed.
   */
  async hurry(): Promise<void> {
    const state = this.#state;
    if (!('channel' in state)) return;
    if (state.name === 'declaring') for (const service of this.#services) this.#publish(state.channel, service);
    // amqplib hands the frames of a channel to the socket one turn of the event loop later, but the close of a
    // connection immediately.
    await nextTurn();
    await nextTurn();
  }

  /** Stops repeating. */
  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#again);
  }

  #connected(connection: OpenConnection): void {
    const state = this.#state;
    const known = state.name === 'idle' ? state.closedOn : state.connection;
    if (known !== connection) this.#open(connection);
  }

  #repeat(): void {
    const state = this.#state;
    if (state.name === 'open') {
      // The queue may have been deleted, which the broker does not report.
      this.#topology.forget();
      void this.#declare(state.connection, state.channel);
    } else this.#announce();
  }

  /** Sends what was not announced yet on this connection. */
  #announce(): void {
    const state = this.#state;
    if (state.name === 'idle' && this.#publishChannel.openConnection) this.#open(this.#publishChannel.openConnection);
    if (state.name !== 'open') return;
    for (const service of this.#services) {
      if (state.announced.has(service)) continue;
      state.announced.add(service);
      this.#publish(state.channel, service);
    }
  }

  #open(connection: OpenConnection): void {
    if (this.#services.size === 0) return;
    const opening: State = { name: 'opening', connection };
    this.#state = opening;
    connection.model.createConfirmChannel().then(
      (channel) => {
        channel.on('error', (error) => this.#log.debug(`announcing services: ${reasonOf(error)}`));
        channel.on('close', () => this.#closed(connection));
        channel.on('return', () => this.#returned());
        if (this.#state === opening) void this.#declare(connection, channel);
      },
      // The connection was lost in the meantime, and reports that itself.
      () => this.#closed(connection),
    );
  }

  async #declare(connection: OpenConnection, channel: ConfirmChannel): Promise<void> {
    const declaring: State = { name: 'declaring', connection, channel };
    this.#state = declaring;
    try {
      await this.#topology.ensure(connection, SERVICES);
    } catch (error) {
      this.#log.debug(`cannot declare queue "${SERVICES_QUEUE}": ${reasonOf(error)}`);
    }
    if (this.#state !== declaring) return;
    this.#state = { name: 'open', connection, channel, announced: new Set(), answered: new Set() };
    this.#announce();
  }

  #closed(connection: OpenConnection): void {
    if (this.#state.name === 'idle' || this.#state.connection !== connection) return;
    this.#state = { name: 'idle', closedOn: connection };
    this.#topology.forget();
    this.#resolveWaiting();
  }

  #publish(channel: ConfirmChannel, service: string): void {
    const properties = {
      contentType: RECORD_CONTENT_TYPE,
      timestamp: Math.floor(Date.now() / 1000),
      persistent: true,
      mandatory: true,
    };
    try {
      channel.publish(LOGS_EXCHANGE, SERVICES_KEY, encodeAnnouncement(service), properties, (error) => {
        const state = this.#state;
        if (state.name === 'open' && state.channel === channel) state.answered.add(service);
        if (!this.#again) this.#consecutiveReturns = 0;
        this.#resolveWaiting();
        if (error && isNack(error)) this.#refused();
      });
    } catch (error) {
      // amqplib throws while the channel is closing. The close is reported by an event.
      this.#log.debug(`cannot announce service "${service}": ${reasonOf(error)}`);
    }
  }

  /** The broker returns an announcement before it confirms it. It counts as answered: nothing waits for the queue. */
  #returned(): void {
    this.#again ??= setTimeout(
      () => {
        this.#again = undefined;
        this.#repeat();
      },
      backoffMs(++this.#consecutiveReturns, RETURNED),
    ).unref();
  }

  #refused(): void {
    const sentence = `the broker refuses the announcements of services (is queue "${SERVICES_QUEUE}" full?). Purge or delete that queue, or start the consumer with the names of the services. Records are sent nevertheless.`;
    if (this.#statusLog.once(sentence)) this.#warn(new LoghiveError('LOGHIVE_BROKER_REFUSED', sentence));
  }
}
