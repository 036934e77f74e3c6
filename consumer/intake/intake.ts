/**
 * Keeps consuming: maintains a connection to RabbitMQ, and opens an `IntakeChannel` on it whenever messages are wanted
 * and there is none.
 */
import type { ConsumeMessage } from 'amqplib';
import { replyText } from '../../src/amqp/broker-reply.js';
import { Connection, type ConnectionStatus } from '../../src/amqp/connection.js';
import { connectTo, type OpenConnection } from '../../src/amqp/open-connection.js';
import { createTopology, type Topology } from '../../src/amqp/topology.js';
import { backoffMs, RECONNECT } from '../../src/backoff.js';
import type { StatusLog } from '../../src/status-log.js';
import { sleep, within } from '../../src/time/time-limit.js';
import {
  FAILURE_QUEUE,
  failureQueue,
  logQueues,
  type QueueDeclaration,
  SERVICES,
  SERVICES_QUEUE,
} from '../../src/wire.js';
import type { ConsumerConfig } from '../config.js';
import type { WorkerStatus } from '../status.js';
import { IntakeChannel } from './intake-channel.js';
import { RefusedQueues } from './refused-queues.js';

export interface IntakeOptions {
  /** Services to consume now, in the order in which their queues are declared. */
  readonly services: () => readonly string[];
  /** Server conditions: each change is logged, not each attempt. */
  readonly status: StatusLog;
  /** Conditions that need attention, reported while they last. */
  readonly notices: StatusLog;
  /** A message was delivered. Returns the number of its records, if already known. */
  readonly onMessage: (channel: IntakeChannel, queue: string, message: ConsumeMessage) => number | undefined;
  /** The channel was closed unexpectedly. Unacknowledged messages are redelivered. */
  readonly onLost: () => void;
  /** Every queue that the broker grants is subscribed to. */
  readonly onConsuming: () => void;
  /** Aborts all waiting, permanently. */
  readonly signal: AbortSignal;
}

/** How long to wait for the broker when closing the channel, in milliseconds. */
const CLOSE_MS = 1000;

/** If a channel was open at least this long, its close is not counted with earlier ones, in milliseconds. */
const LONG_LIVED_MS = 30_000;

export class Intake {
  readonly #config: ConsumerConfig;
  readonly #options: IntakeOptions;
  readonly #connection: Connection;
  readonly #topology: Topology;
  readonly #refused: RefusedQueues;
  #wanted = false;
  #openConnection: OpenConnection | undefined;
  #channel: IntakeChannel | undefined;
  #openedAtMs = 0;
  /** Consecutive channels that were closed soon after they were opened. */
  #failures = 0;

  constructor(config: ConsumerConfig, options: IntakeOptions) {
    this.#config = config;
    this.#options = options;
    const { status, notices, signal } = options;
    this.#topology = createTopology((sentence) => notices.once(sentence));
    this.#refused = new RefusedQueues({
      connect: ({ host }) =>
        connectTo(host, config.broker, {
          connectionName: `loghive consumer ${process.pid} (refused queues)`,
          keepsProcessAlive: true,
          signal,
        }),
      openConnection: () => this.#openConnection,
      onFree: (declaration) => this.#channel?.add([declaration]),
      notices,
      signal,
    });
    this.#connection = new Connection(config.broker, {
      connectionName: `loghive consumer ${process.pid}`,
      keepsProcessAlive: true,
    });
    const { events } = this.#connection;
    events.on('ready', (connection) => {
      const { hostname, port } = connection.host;
      this.#openConnection = connection;
      status.report(
        'broker',
        `connected to ${connection.serverProduct} ${connection.serverVersion} at ${hostname}:${port}`,
        'info',
      );
      this.#openChannel();
    });
    events.on('failed', (error) => this.#reportBroker(error));
    events.on('lost', (error) => {
      this.#openConnection = undefined;
      this.#channel?.lose(error);
      this.#reportBroker(error);
    });
  }

  /** The latest channel. It may be closed. */
  get channel(): IntakeChannel | undefined {
    return this.#channel;
  }

  /** Number of service queues that are consumed, and that the broker refuses. */
  get queues(): WorkerStatus['queues'] {
    const count = (queues: readonly string[]) => queues.filter(isOfService).length;
    return { taken: count(this.#channel?.queues ?? []), refused: count(this.#refused.all) };
  }

  status(): ConnectionStatus {
    return this.#connection.status();
  }

  /** Connects and reconnects. Does not consume yet. */
  connect(): void {
    this.#connection.open();
  }

  /** Starts consuming. */
  begin(): void {
    this.#wanted = true;
    this.#openChannel();
  }

  /**
   * Consumes messages of one more service, which is already among `services`, without disturbing the other
   * subscriptions. If no channel is open, the next one includes it.
   *
   * @param rank queues with a higher rank are declared first.
   */
  add(service: string, rank: number): void {
    const channel = this.#channel;
    if (!channel) return;
    const declarations = logQueues(service, this.#config.queues, channel.connection.serverVersion);
    channel.add(
      declarations.filter(({ queue }) => !this.#refused.has(queue)),
      rank,
    );
  }

  /** Stops consuming and requeues unacknowledged messages once. */
  async pause(): Promise<void> {
    this.#wanted = false;
    const channel = this.#channel;
    this.#channel = undefined;
    await channel?.end();
  }

  /** Stops consuming. Delivered messages can still be acknowledged. */
  async drain(): Promise<void> {
    this.#wanted = false;
    await this.#channel?.drain();
  }

  /**
   * Closes the channel first: when the connection is closed, RabbitMQ ignores acknowledgements that it has not
   * processed yet, but when a channel is closed it processes all that precede it.
   */
  async close(): Promise<void> {
    this.#wanted = false;
    if (this.#channel) await within(CLOSE_MS, this.#channel.end());
    await this.#connection.close();
  }

  /** While the consumer stops, a lost connection is neither reported nor reopened. */
  #reportBroker({ message }: Error): void {
    if (this.#options.signal.aborted) void this.#connection.close();
    else this.#options.status.report('broker', message);
  }

  #openChannel(): void {
    const connection = this.#openConnection;
    if (!this.#wanted || !connection || (this.#channel && !this.#channel.isEnded)) return;
    const { prefetchBytes, batchSize } = this.#config;
    const wanted = this.#declarations(connection).filter(({ queue }) => !this.#refused.has(queue));
    const channel = new IntakeChannel(connection, this.#topology, wanted, {
      prefetchBytes,
      batchRecords: batchSize,
      isSevere,
      onMessage: this.#options.onMessage,
      onHazard: (queue, sentence) => this.#options.notices.report(`queue ${queue}`, sentence),
      onRefused: (declaration, error, closesConnection) => this.#refused.hold(declaration, error, closesConnection),
      onLost: (lost, error, refused) => this.#channelLost(lost, error, refused),
    });
    this.#channel = channel;
    this.#openedAtMs = performance.now();
    void channel.open().then(() => {
      if (channel.isEnded) return;
      // The reason for each queue has been logged.
      const { taken, refused } = this.queues;
      if (taken === 0 && refused > 0) this.#options.status.report('queues', 'no queue can be consumed from');
      else this.#options.status.report('queues', this.#describeServices(), 'info');
      this.#options.onConsuming();
    });
  }

  /**
   * If the consumer discovers services, announcements come first: a new service must not wait until hundreds of queues
   * are declared.
   */
  #declarations(connection: OpenConnection): QueueDeclaration[] {
    const { queues, services } = this.#config;
    const logs = this.#options.services().flatMap((service) => logQueues(service, queues, connection.serverVersion));
    const failures = failureQueue(queues.type, queues, connection.serverVersion);
    return services === 'every' ? [SERVICES, failures, ...logs] : [...logs, failures, SERVICES];
  }

  #describeServices(): string {
    const services = listed(this.#options.services());
    if (this.#config.services !== 'every') return `consuming messages of ${services}`;
    return services === ''
      ? 'consuming messages of every service that announces itself; none is known yet'
      : `consuming messages of every service that announces itself, so far: ${services}`;
  }

  #channelLost(channel: IntakeChannel, error: Error, refused: boolean): void {
    if (channel !== this.#channel) return;
    this.#options.onLost();
    this.#options.status.report('queues', undefined);
    const { state } = this.#connection.status();
    if (this.#openConnection !== channel.connection || (state !== 'ready' && state !== 'blocked')) return;
    // The refused queue is excluded from now on, so the next channel can be opened immediately.
    if (refused) return void setImmediate(() => this.#openChannel());
    this.#topology.forget();
    this.#failures = performance.now() - this.#openedAtMs < LONG_LIVED_MS ? this.#failures + 1 : 1;
    this.#options.status.report('queues', `the channel was closed: ${replyText(error)}. It will be reopened.`);
    void sleep(backoffMs(this.#failures, RECONNECT), this.#options.signal).then(() => this.#openChannel());
  }
}

/** All services share the other queues. */
function isOfService(queue: string): boolean {
  return queue !== FAILURE_QUEUE && queue !== SERVICES_QUEUE;
}

const MAX_LISTED = 20;

function listed(services: readonly string[]): string {
  const more = services.length - MAX_LISTED;
  return more > 0 ? `${services.slice(0, MAX_LISTED).join(', ')} and ${more} more` : services.join(', ');
}

/** Queues that have a reserved share of the prefetch budget. */
function isSevere(queue: string): boolean {
  return queue === FAILURE_QUEUE || /_(?:error|critical)_logs$/.test(queue);
}
