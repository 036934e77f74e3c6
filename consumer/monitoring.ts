/**
 * Exposes the state of a consumer: its HTTP server, its metrics, and the depths of its queues. It only observes: if all
 * of it failed, records would still be stored.
 */
import { Connection } from '../src/amqp/connection.js';
import type { OpenConnection } from '../src/amqp/open-connection.js';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { MetricRegistry } from '../src/metrics/metric.js';
import { queueStatus, queuesOf } from './build-status.js';
import type { ConsumerConfig } from './config.js';
import { answerOf, PATHS } from './http/routes.js';
import { type HttpServer, openHttpServer } from './http/server.js';
import type { HttpConfig } from './http/settings.js';
import type { LivenessFaults } from './liveness.js';
import type { Figures } from './metrics/snapshot.js';
import { type ConsumerMetrics, openMetrics } from './metrics.js';
import { QueueDepths } from './queue-depths.js';
import type { ConsumerStatus, QueueStatus } from './status.js';

/** How often the depth of each queue is read, in milliseconds. */
const ROUND_MS = 10_000;
const READING_EVERY_MS = 5000;

export interface MonitoringOptions {
  readonly config: Pick<ConsumerConfig, 'http' | 'broker' | 'queues' | 'retryDelaysMs'>;
  /** The application's own registry. */
  readonly registry?: MetricRegistry | undefined;
  readonly status: () => ConsumerStatus;
  /** Totals of all workers, including the counts of those that have ended. */
  readonly figures: () => Figures;
  readonly services: () => readonly string[];
  /** Why the consumer cannot recover without a restart. */
  readonly faults: () => LivenessFaults;
  /** Stops reading queue depths. */
  readonly signal: AbortSignal;
}

export class Monitoring {
  readonly #options: MonitoringOptions;
  /** A separate connection. It never publishes, so a resource alarm of the broker does not block it. */
  readonly #connection: Connection;
  readonly #depths: QueueDepths;
  readonly #stored = new Rate();
  /** Mean size of the messages consumed last, in bytes, by queue. */
  readonly #meanBytes = new Map<string, number>();
  #openConnection: OpenConnection | undefined;
  #metrics: ConsumerMetrics | undefined;
  #http: HttpServer | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MonitoringOptions) {
    this.#options = options;
    const { config, services, signal } = options;
    this.#connection = new Connection(config.broker, {
      connectionName: `loghive consumer ${process.pid} (monitoring)`,
      keepsProcessAlive: false,
    });
    this.#connection.events.on('ready', (connection) => {
      this.#openConnection = connection;
    });
    this.#connection.events.on('lost', () => {
      this.#openConnection = undefined;
    });
    this.#depths = new QueueDepths({
      openConnection: () => this.#openConnection,
      queues: () => queuesOf(services(), config.retryDelaysMs),
      roundMs: ROUND_MS,
      signal,
    });
  }

  /** Port of the HTTP server; undefined without one. */
  get httpPort(): number | undefined {
    return this.#http?.port;
  }

  get queues(): QueueStatus[] {
    const { queues } = this.#options.config;
    return this.#depths.all.map((depth) => queueStatus(depth, queues, this.#meanBytes.get(depth.queue)));
  }

  get storedPerSecond(): number {
    return this.#stored.perSecond(this.#options.figures().counts.totals.stored, performance.now());
  }

  /**
   * Registers the metrics, starts the HTTP server and reads queue depths until the signal is aborted. Must be called
   * before anything else of the consumer is started.
   *
   * @throws LoghiveError LOGHIVE_PORT_TAKEN or LOGHIVE_INVALID_OPTION; nothing is open then.
   */
  async start(): Promise<void> {
    const { config, registry, status, figures, signal, faults } = this.#options;
    const counts = () => figures().counts;
    if (config.http || registry) this.#metrics = await openMetrics({ status, counts }, registry);
    if (config.http) {
      const metrics = () => this.#metrics!;
      const answer = (path: string) => answerOf(path, { status, faults, metrics });
      this.#http = await listen(config.http, answer);
    }
    // `stop()` was called meanwhile, when there was nothing to close yet.
    if (signal.aborted) return this.close();
    this.#connection.open();
    void this.#depths.watch();
    this.#read();
    this.#timer = setInterval(() => this.#read(), READING_EVERY_MS).unref();
  }

  /** The HTTP server answers requests until this call. Never rejects. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#http?.close(), this.#connection.close()]);
    this.#metrics?.close();
  }

  #read(): void {
    const { counts, unacknowledged } = this.#options.figures();
    this.#stored.read(counts.totals.stored, performance.now());
    for (const [queue, { meanBytes }] of unacknowledged.queues) this.#meanBytes.set(queue, meanBytes);
  }
}

async function listen(
  { host, port, isDefaultPort }: HttpConfig,
  answer: Parameters<typeof openHttpServer>[0]['answer'],
): Promise<HttpServer | undefined> {
  const shownHost = host.includes(':') ? `[${host}]` : host;
  const address = `${shownHost}:${port}`;
  try {
    const server = await openHttpServer({ host, port, answer, paths: PATHS });
    internalLogger.info(`health and metrics: http://${shownHost}:${server.port}`);
    return server;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      const taken = `another program is listening on ${address}`;
      const remedy = 'Set another port with the option "httpPort" or CONSUMER_HTTP_PORT (0: any free port)';
      if (!isDefaultPort)
        throw new LoghiveError('LOGHIVE_PORT_TAKEN', `${taken}. ${remedy}, or set it to off.`, { cause: error });
      internalLogger.warning(`${taken}, so health and metrics are not available over HTTP. ${remedy}.`);
      return undefined;
    }
    const reason = code === 'EACCES' ? 'permission denied; use a port above 1023' : reasonOf(error);
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `the HTTP server cannot listen on ${address}: ${reason}. Correct the options "httpHost" and "httpPort".`,
      { cause: error },
    );
  }
}

const WINDOW_MS = 60_000;

interface Reading {
  readonly atMs: number;
  readonly count: number;
}

/** Rate of a counter over the last minute. Pure: the clock is passed in. */
export class Rate {
  /** Oldest first. The first one is the latest that is older than the window. */
  #readings: Reading[] = [];

  /** Call this every few seconds. */
  read(count: number, atMs: number): void {
    this.#readings.push({ atMs, count });
    const first = this.#readings.findLastIndex((reading) => reading.atMs <= atMs - WINDOW_MS);
    if (first > 0) this.#readings.splice(0, first);
  }

  /** Events per second over about the last minute, or since the first reading if that is later. */
  perSecond(count: number, atMs: number): number {
    const [first] = this.#readings;
    if (!first || atMs <= first.atMs) return 0;
    return ((count - first.count) * 1000) / (atMs - first.atMs);
  }
}
