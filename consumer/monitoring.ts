/**
 * What a consumer shows of itself: its HTTP server, its metrics, and what it asks the broker about its queues for that.
 * It looks at the consumer and never steps in: were all of it to fail, records would be stored as before.
 */
import { Connection } from '../src/amqp/connection.js';
import type { OpenConnection } from '../src/amqp/open-connection.js';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { MetricRegistry } from '../src/metrics/metric.js';
import type { ConsumerConfig } from './config.js';
import { answerOf, PATHS } from './http/routes.js';
import { type HttpServer, openHttpServer } from './http/server.js';
import type { HttpConfig } from './http/settings.js';
import type { LivenessFaults } from './liveness.js';
import type { Figures } from './metrics/snapshot.js';
import { type ConsumerMetrics, openMetrics } from './metrics.js';
import { QueueDepths } from './queue-depths.js';
import { queueStatus, queuesOf } from './queue-status.js';
import { Rate } from './rate.js';
import type { ConsumerStatus, QueueStatus } from './status.js';

/** How often each queue is looked at, in milliseconds. */
const ROUND_MS = 10_000;
const READING_EVERY_MS = 5000;

export interface MonitoringOptions {
  readonly config: Pick<ConsumerConfig, 'http' | 'broker' | 'queues' | 'retryDelaysMs'>;
  /** The user's own. */
  readonly registry?: MetricRegistry | undefined;
  readonly status: () => ConsumerStatus;
  /** Of all workers together; counts of those that have ended included. */
  readonly figures: () => Figures;
  readonly services: () => readonly string[];
  /** Why the consumer cannot go on by itself, in words: an orchestrator restarts it then. */
  readonly faults: () => LivenessFaults;
  /** Ends the asking. */
  readonly signal: AbortSignal;
}

export class Monitoring {
  readonly #options: MonitoringOptions;
  /** Of its own: it never publishes, so an alarm of the broker does not block it. */
  readonly #connection: Connection;
  readonly #depths: QueueDepths;
  readonly #stored = new Rate();
  /** What messages weighed when some were in hand last, by queue. */
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

  /** Where the HTTP server listens; undefined without one. */
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
   * Registers the metrics, opens the HTTP server, which answers from now on, and looks at the queues until the signal is
   * given. To be called before anything else of the consumer is started.
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
    // Stopped meanwhile, when there was nothing to close yet.
    if (signal.aborted) return this.close();
    this.#connection.open();
    void this.#depths.watch();
    this.#read();
    this.#timer = setInterval(() => this.#read(), READING_EVERY_MS).unref();
  }

  /** The HTTP server answers until here. Never rejects. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#http?.close(), this.#connection.close()]);
    this.#metrics?.close();
  }

  #read(): void {
    const { counts, inHand } = this.#options.figures();
    this.#stored.read(counts.totals.stored, performance.now());
    for (const [queue, { meanBytes }] of inHand.queues) this.#meanBytes.set(queue, meanBytes);
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
    internalLogger.info(`health and metrics at http://${shownHost}:${server.port}`);
    return server;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      const taken = `another program listens on ${address}`;
      const remedy = 'Name another port with the option "httpPort" or CONSUMER_HTTP_PORT (0: any that is free)';
      if (!isDefaultPort)
        throw new LoghiveError('LOGHIVE_PORT_TAKEN', `${taken}. ${remedy}, or turn it off: off.`, { cause: error });
      internalLogger.warning(`${taken}, so there is no health and no metrics over HTTP. ${remedy}.`);
      return undefined;
    }
    const reason = code === 'EACCES' ? 'this user may not listen on it; take a port above 1023' : reasonOf(error);
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `the HTTP server cannot listen on ${address}: ${reason}. Correct the options "httpHost" and "httpPort".`,
      { cause: error },
    );
  }
}
