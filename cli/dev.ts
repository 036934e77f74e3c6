/**
 * `loghive dev`: starts everything needed to see an application's records, without installing servers.
 *
 *   starting ─▶ running ─▶ draining ─▶ stopped
 *      │           │          │ a second signal: stop without waiting
 *      └───────────┴──────────┴─▶ every started server is stopped and the folder is unlocked
 *
 * If the process is killed, PostgreSQL keeps running and the next start adopts it. Messages in the development broker
 * that were not stored are lost; producers keep what the broker has not confirmed.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { consumerConfig } from '../consumer/config.js';
import { Supervisor } from '../consumer/supervisor.js';
import { openEnvironment } from '../src/config.js';
import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { printableLines } from '../src/printable.js';
import { counted } from '../src/sentence.js';
import { maskUrl } from '../src/settings/mask-url.js';
import { shown } from '../src/settings/option.js';
import { sleep, within } from '../src/time/time-limit.js';
import { SERVICE_NAME } from '../src/wire.js';
import { confirmation } from './confirmation.js';
import { openStoredView, type StoredView, type StoredViewOptions } from './dev/stored-view.js';
import { welcome } from './dev/welcome.js';
import type { DevelopmentBroker } from './embedded/broker/index.js';
import { type Stack, startStack } from './embedded/stack.js';
import type { Messages } from './messages.js';
import { openStdout } from './output.js';
import { listenForShutdown, type ShutdownSignals } from './shutdown-signals.js';

export interface DevOptions extends StoredViewOptions {
  url?: string;
  databaseUrl?: string;
  data: string;
  port?: string;
  yes?: boolean;
}

/** How long to wait at shutdown for the broker's messages to be stored, in milliseconds. */
const DRAIN_MS = 5000;
/**
 * How long a queue may have no consumer during that wait, in milliseconds: the consumer may not have subscribed to a
 * newly discovered service yet.
 */
const NEW_QUEUE_GRACE_MS = 1000;
/** How long the consumer may take to stop after that, in milliseconds. */
const CONSUMER_STOP_MS = 9000;
const POLL_MS = 1000;
const SIGNAL_DELAY_MS = 50;

export async function dev(services: string[], options: DevOptions, messages: Messages): Promise<void> {
  const log = (text: string) => messages.report('loghive dev', text);
  const stdout = openStdout();
  const { stored, port, settings } = checked(services, options, stdout);
  const shutdown = listenForShutdown((signal, again) =>
    log(`${signal}${again ? ' again: stopping now' : ': stopping'}`),
  );
  // The reader of either stream has gone, so nobody sees the output.
  stdout.on('error', () => shutdown.request());
  messages.onClosed(() => shutdown.request());
  // An unexpected error must not leave a server running.
  process.on('uncaughtException', (error) => shutdown.request(error));
  let stack: Stack | undefined;
  let consumer: Supervisor | undefined;
  try {
    stack = await startStack({
      folder: settings.folder,
      broker: settings.broker === undefined,
      postgres: settings.database === undefined,
      port,
      ask: confirmation({ yes: options.yes ?? false }),
      notice: log,
      signal: shutdown.requested,
    });
    const servers = {
      url: settings.broker?.url ?? stack.broker!.url,
      databaseUrl: settings.database?.url ?? stack.postgres!.url,
    };
    consumer = new Supervisor(consumerConfig('loghive dev', services, servers), {
      onStored: async (records) => stored?.view.show(records),
    });
    await Promise.race([consumer.start(), shutdown.whenRequested]);
    if (!shutdown.requested.aborted) {
      messages.write(`\n${printableLines(welcomeText(stack, settings, stored?.timeZone))}\n`);
      await untilShutdown(stack, settings.parent, shutdown, log);
    }
    await drain(consumer, stack.broker, shutdown);
  } catch (error) {
    // In a terminal, Ctrl-C also reaches child processes, which may exit before the signal is handled here.
    await sleep(SIGNAL_DELAY_MS, shutdown.requested);
    // An error caused by the requested shutdown is not a failure.
    if (!shutdown.requested.aborted) throw error;
  } finally {
    await stop(consumer, stack, shutdown, log);
  }
  if (shutdown.fault !== undefined) throw shutdown.fault;
  await messages.flushed();
  process.exit(0);
}

/** A server supplied by the user. */
interface ServerUrl {
  readonly url: string;
  /** Where the URL was set: '--url', 'environment variable LOGHIVE_URL', 'LOGHIVE_URL in /app/config.env'. */
  readonly where: string;
}

interface Settings {
  /** Absolute path. */
  readonly folder: string;
  readonly broker: ServerUrl | undefined;
  readonly database: ServerUrl | undefined;
  /** The npx or npm process that started this one. It does not forward signals, so its exit is watched. */
  readonly parent: number | undefined;
}

function checked(
  services: string[],
  options: DevOptions,
  stdout: Writable,
): { stored: StoredView | undefined; port: number | undefined; settings: Settings } {
  const environment = openEnvironment();
  if (!environment('LOGHIVE_LOG_LEVEL')?.text && !environment('LOG_LEVEL')?.text) internalLogger.setLevel('WARNING');
  function given(option: string, url: string | undefined, name: string): ServerUrl | undefined {
    if (url !== undefined) return { url, where: option };
    const { text, where } = environment(name) ?? {};
    return text ? { url: text, where: where! } : undefined;
  }
  const broker = given('--url', options.url, 'LOGHIVE_URL');
  const database = given('--database-url', options.databaseUrl, 'LOGHIVE_DATABASE_URL');
  // Check URLs and service names before anything is started.
  consumerConfig('loghive dev', services, {
    url: broker?.url ?? 'amqp://localhost',
    databaseUrl: database?.url ?? 'postgres://localhost/x',
  });
  const lifecycleEvent = environment('npm_lifecycle_event')?.text;
  // A script's shell may start this in the background, without a terminal, and exit. In that case, keep running.
  const isForeground = lifecycleEvent === 'npx' || (lifecycleEvent !== undefined && process.stdin.isTTY);
  const parent = isForeground ? process.ppid : undefined;
  return {
    stored: openStoredView(options, environment, stdout),
    port: portOf(options.port, broker !== undefined),
    settings: { folder: folderOf(options.data), broker, database, parent },
  };
}

function folderOf(text: string): string {
  const folder = path.resolve(text);
  if (text === '') throw new LoghiveError('LOGHIVE_INVALID_OPTION', 'option --data is "", expected a directory.');
  // Node decodes paths as UTF-8, so it would create a different folder beside one whose name is not UTF-8.
  if (!folder.includes('\ufffd') || existsSync(process.cwd())) return folder;
  throw new LoghiveError(
    'LOGHIVE_FOLDER_UNUSABLE',
    `the name of the working directory ${process.cwd()} is not UTF-8. Rename it, or pass an absolute path with --data.`,
  );
}

function portOf(text: string | undefined, hasOwnBroker: boolean): number | undefined {
  if (text === undefined) return undefined;
  if (hasOwnBroker) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      'option --port applies to the development broker, which is not started when --url or LOGHIVE_URL is set. Remove one of them.',
    );
  }
  const port = Number(text);
  if (/^\d+$/.test(text) && port < 65_536) return port;
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `option --port is ${shown(text)}, expected a port from 1 to 65535, or 0 for any free port.`,
  );
}

function welcomeText({ broker, postgres }: Stack, settings: Settings, timeZone: string | undefined): string {
  const of = ({ url, where }: ServerUrl) => `${maskUrl(url)} (${where})`;
  const servers = [
    broker ? `development broker on port ${broker.port}` : `your RabbitMQ: ${of(settings.broker!)}`,
    postgres
      ? `PostgreSQL ${postgres.version} on port ${postgres.port}, data in ${postgres.folder}`
      : `your PostgreSQL: ${of(settings.database!)}`,
  ];
  const { url, where = '' } = broker ? { url: `amqp://${broker.host}:${broker.port}` } : settings.broker!;
  const isFromEnvironment = where.includes('LOGHIVE_URL');
  return welcome({
    brokerUrl: isFromEnvironment ? undefined : maskUrl(url),
    brokerUrlFrom: isFromEnvironment ? urlSource(where) : undefined,
    service: defaultServiceName(),
    servers,
    databaseUrl: postgres?.shownUrl ?? withoutPassword(settings.database!.url),
    needsPassword: postgres === undefined && maskUrl(settings.database!.url).includes('***'),
    timeZone,
  });
}

/** Explains how to give the application the same URL. */
function urlSource(where: string): string {
  return where.startsWith('environment') ? 'with LOGHIVE_URL in its environment' : `with ${where}`;
}

function withoutPassword(url: string): string {
  const masked = maskUrl(url).replace(':***@', '@');
  return masked.replace(/([?&])password=\*\*\*(?:&|$)/, '$1').replace(/[?&]$/, '');
}

/** The application's name from its package.json, or a placeholder. */
function defaultServiceName(): string {
  try {
    const { name } = JSON.parse(readFileSync('package.json', 'utf8')) as { name?: unknown };
    const bare = String(name).replace(/^@[^/]*\//, '');
    return typeof name === 'string' && SERVICE_NAME.test(bare) ? bare : 'my-app';
  } catch {
    return 'my-app';
  }
}

/** Resolves when a signal, a closed output or a lost server requests shutdown. */
async function untilShutdown(
  { postgres, lost }: Stack,
  parent: number | undefined,
  shutdown: ShutdownSignals,
  log: (text: string) => void,
): Promise<void> {
  while (!shutdown.requested.aborted) {
    await sleep(POLL_MS, shutdown.requested);
    if (parent !== undefined && process.ppid !== parent && !shutdown.requested.aborted) {
      log('the parent process (npx or npm) has exited: stopping');
      shutdown.request();
    }
    if (lost.aborted && !shutdown.requested.aborted) {
      shutdown.request(
        new LoghiveError(
          'LOGHIVE_FOLDER_LOCKED',
          'the data directory of loghive dev was removed, or another process took it over because this one was suspended for more than a minute. Start loghive dev again.',
        ),
      );
    }
    if (postgres && !postgres.isRunning() && !shutdown.requested.aborted) {
      shutdown.request(
        new LoghiveError(
          'LOGHIVE_POSTGRES_FAILED',
          `PostgreSQL (process ${postgres.pid}) exited unexpectedly; its log is in ${postgres.folder}. Start loghive dev again.`,
        ),
      );
    }
  }
}

/** Messages the broker has confirmed are lost when it stops: block publishers, then wait until the rest is stored. */
async function drain(
  consumer: Supervisor,
  broker: DevelopmentBroker | undefined,
  shutdown: ShutdownSignals,
): Promise<void> {
  if (broker === undefined || shutdown.fault !== undefined || consumer.status().state !== 'running') return;
  broker.block('loghive dev is stopping');
  const startedMs = performance.now();
  for (let tookMs = 0; tookMs < DRAIN_MS && !shutdown.forced.aborted; tookMs = performance.now() - startedMs) {
    const left = broker.listQueues().filter(({ messages }) => messages > 0);
    if (!left.some(({ consumers }) => consumers > 0 || tookMs < NEW_QUEUE_GRACE_MS)) return;
    await sleep(20, shutdown.forced);
  }
}

async function stop(
  consumer: Supervisor | undefined,
  stack: Stack | undefined,
  shutdown: ShutdownSignals,
  log: (text: string) => void,
): Promise<void> {
  const forced = new Promise((resolve) => shutdown.forced.addEventListener('abort', resolve, { once: true }));
  // Stop the consumer even if it is not waited for: otherwise it would report that its servers are unreachable.
  const stopped = consumer?.stop();
  if (!shutdown.forced.aborted) await within(CONSUMER_STOP_MS, Promise.race([stopped, forced]));
  const lost = lostMessages(stack?.broker);
  if (lost !== undefined) log(lost);
  await stack?.stop();
}

function lostMessages(broker: DevelopmentBroker | undefined): string | undefined {
  const left = broker?.listQueues().filter(({ name, messages }) => messages > 0 && name !== 'loghive_services') ?? [];
  if (left.length === 0) return undefined;
  const count = left.reduce((sum, { messages }) => sum + messages, 0);
  const queues = left.map(({ name }) => name).join(', ');
  return `${counted(count, 'message was', 'messages were')} not stored and lost with the development broker: ${queues}`;
}
