/**
 * Keeps messages coming: a connection to RabbitMQ that comes back, and on it one `IntakeChannel` after the other for as long as
 * messages are wanted.
 */
import type { ConsumeMessage } from 'amqplib';
import { replyText } from '../../src/amqp/broker-reply.js';
import { Connection, type ConnectionStatus } from '../../src/amqp/connection.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
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
  /** Whose messages are taken at this moment, in the order in which their queues are declared. */
  readonly services: () => readonly string[];
  /** What is so of the servers now. */
  readonly status: StatusLog;
  /** What a person should know, for as long as it holds. */
  readonly notices: StatusLog;
  /** A message has come. Returns how many records it holds, where that is known already. */
  readonly onMessage: (session: IntakeChannel, queue: string, message: ConsumeMessage) => number | undefined;
  /** The session ended without our doing: what it delivered and is not acknowledged comes again. */
  readonly onLost: () => void;
  /** Every queue that can be had is subscribed to. */
  readonly onTaking: () => void;
  /** Ends all waiting for good. */
  readonly signal: AbortSignal;
}

/** A broker that does not answer is not waited for any longer, in milliseconds. */
const CLOSE_MS = 1000;

/** A session that lived as long ended for a new reason. */
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
  #endsInARow = 0;

  constructor(config: ConsumerConfig, options: IntakeOptions) {
    this.#config = config;
    this.#options = options;
    const { status, notices, signal } = options;
    this.#topology = createTopology((sentence) => notices.once(sentence));
    this.#refused = new RefusedQueues({
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
      this.#openSession();
    });
    events.on('failed', (error) => this.#tellOfBroker(error));
    events.on('lost', (error) => {
      this.#openConnection = undefined;
      this.#channel?.lose(error);
      this.#tellOfBroker(error);
    });
  }

  /** The last session; it may have ended. */
  get session(): IntakeChannel | undefined {
    return this.#channel;
  }

  /** How many queues of services messages are taken from now, and how many the broker refuses. */
  get queues(): WorkerStatus['queues'] {
    const count = (queues: readonly string[]) => queues.filter(isOfService).length;
    return { taken: count(this.#channel?.queues ?? []), refused: count(this.#refused.all) };
  }

  status(): ConnectionStatus {
    return this.#connection.status();
  }

  /** Connects, and stays connected. Takes nothing yet. */
  connect(): void {
    this.#connection.open();
  }

  /** Takes messages from now on. */
  begin(): void {
    this.#wanted = true;
    this.#openSession();
  }

  /**
   * Takes messages of one service more, which is among `services` by now, without disturbing what is taken already. Where
   * there is no session now, the next one takes from all of them.
   *
   * @param rank its queues are declared before those of a lower one.
   */
  add(service: string, rank: number): void {
    const session = this.#channel;
    if (!session) return;
    const declarations = logQueues(service, this.#config.queues, session.connection.serverVersion);
    session.add(
      declarations.filter(({ queue }) => !this.#refused.has(queue)),
      rank,
    );
  }

  /** Takes nothing more; what is unacknowledged goes back, once. */
  async pause(): Promise<void> {
    this.#wanted = false;
    const session = this.#channel;
    this.#channel = undefined;
    await session?.end();
  }

  /** Takes nothing more; what is in hand can still be acknowledged. */
  async drain(): Promise<void> {
    this.#wanted = false;
    await this.#channel?.drain();
  }

  /**
   * The channel first: RabbitMQ passes over acknowledgements that it has not come to when it reads the end of the connection,
   * but none before the end of their channel.
   */
  async close(): Promise<void> {
    this.#wanted = false;
    if (this.#channel) await within(CLOSE_MS, this.#channel.end());
    await this.#connection.close();
  }

  /** While the consumer stops, a connection that ends is no news, and no other one is opened. */
  #tellOfBroker({ message }: Error): void {
    if (this.#options.signal.aborted) void this.#connection.close();
    else this.#options.status.report('broker', message);
  }

  #openSession(): void {
    const connection = this.#openConnection;
    if (!this.#wanted || !connection || (this.#channel && !this.#channel.isEnded)) return;
    const { prefetchBytes, batchSize } = this.#config;
    const wanted = this.#declarations(connection).filter(({ queue }) => !this.#refused.has(queue));
    const session = new IntakeChannel(connection, this.#topology, wanted, {
      prefetchBytes,
      batchRecords: batchSize,
      isSevere,
      onMessage: this.#options.onMessage,
      onHazard: (queue, sentence) => this.#options.notices.report(`queue ${queue}`, sentence),
      onRefused: (declaration, error) => this.#refused.hold(declaration, error),
      onLost: (lost, error, refused) => this.#channelLost(lost, error, refused),
    });
    this.#channel = session;
    this.#openedAtMs = performance.now();
    void session.open().then(() => {
      if (session.isEnded) return;
      // The reason was logged for each queue.
      const { taken, refused } = this.queues;
      if (taken === 0 && refused > 0) this.#options.status.report('queues', 'no messages can be taken from any queue');
      else this.#options.status.report('queues', this.#whatIsTaken(), 'info');
      this.#options.onTaking();
    });
  }

  /**
   * Where everything that is announced is taken, announcements come first: with hundreds of queues to declare, a service
   * that is new must not wait for all of them.
   */
  #declarations(connection: OpenConnection): QueueDeclaration[] {
    const { queues, services } = this.#config;
    const logs = this.#options.services().flatMap((service) => logQueues(service, queues, connection.serverVersion));
    const failures = failureQueue(queues.type, queues, connection.serverVersion);
    return services === 'every' ? [SERVICES, failures, ...logs] : [...logs, failures, SERVICES];
  }

  #whatIsTaken(): string {
    const services = listed(this.#options.services());
    if (this.#config.services !== 'every') return `taking messages of ${services}`;
    return services === ''
      ? 'taking messages of every service that announces itself; none is known yet'
      : `taking messages of every service that announces itself, so far of ${services}`;
  }

  #channelLost(session: IntakeChannel, error: Error, refused: boolean): void {
    if (session !== this.#channel) return;
    this.#options.onLost();
    this.#options.status.report('queues', undefined);
    const { state } = this.#connection.status();
    if (this.#openConnection !== session.connection || (state !== 'ready' && state !== 'blocked')) return;
    // What was refused is kept apart from now on, so the next session can come at once.
    if (refused) return void setImmediate(() => this.#openSession());
    this.#topology.forget();
    this.#endsInARow = performance.now() - this.#openedAtMs < LONG_LIVED_MS ? this.#endsInARow + 1 : 1;
    this.#options.status.report('queues', `the channel ended: ${replyText(error)}. It is opened again.`);
    void sleep(backoffMs(this.#endsInARow, RECONNECT), this.#options.signal).then(() => this.#openSession());
  }
}

/** All services share the others. */
function isOfService(queue: string): boolean {
  return queue !== FAILURE_QUEUE && queue !== SERVICES_QUEUE;
}

const MOST_LISTED = 20;

function listed(services: readonly string[]): string {
  const more = services.length - MOST_LISTED;
  return more > 0 ? `${services.slice(0, MOST_LISTED).join(', ')} and ${more} more` : services.join(', ');
}

/** Also where a service has such a name: a share of the budget too much is no harm. */
function isSevere(queue: string): boolean {
  return queue === FAILURE_QUEUE || /_(?:error|critical)_logs$/.test(queue);
}
