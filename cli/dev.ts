/**
 * `loghive dev`: everything that is needed to see an application's records, with nothing installed.
 *
 *   starting ─▶ running ─▶ draining ─▶ stopped
 *      │           │          │ a second signal: nothing is waited for any more
 *      └───────────┴──────────┴─▶ every server that was started is ended, the folder is free
 *
 * Killed, it leaves a PostgreSQL that the next start adopts. What is in the development broker and not stored is lost
 * then; a producer keeps what the broker has not confirmed.
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
import { inShell, welcome } from './dev/welcome.js';
import type { DevelopmentBroker } from './embedded/broker/index.js';
import { confirmation } from './embedded/confirmation.js';
import { type Stack, startStack } from './embedded/stack.js';
import { LiveView } from './live/live-view.js';
import { utcOffset } from './live/local-time.js';
import type { Messages } from './messages.js';
import { openStdout } from './output.js';
import { listenForShutdown, type ShutdownSignals } from './shutdown-signals.js';

export interface DevOptions {
  url?: string;
  databaseUrl?: string;
  data: string;
  port?: string;
  quiet?: boolean;
  json?: boolean;
  yes?: boolean;
}

/** How long what the broker holds may take to the table at the end, in milliseconds. */
const DRAIN_MS = 5000;
/** How long a queue may be without a consumer meanwhile: that of a service which was found just now. */
const FOUND_MS = 1000;
/** How long the consumer may take after that, in milliseconds. */
const CONSUMER_STOP_MS = 9000;
const LOOK_EVERY_MS = 1000;
const SIGNAL_MS = 50;

export async function dev(services: string[], options: DevOptions, messages: Messages): Promise<void> {
  const say = (text: string) => messages.say('loghive dev', text);
  const stdout = openStdout();
  const { view, port, settings } = checked(services, options, stdout);
  const shutdown = listenForShutdown((signal, again) =>
    say(`${signal}${again ? ' again: stopping at once' : ': stopping'}`),
  );
  // Whoever read one of them has gone, and nobody sees what is shown.
  stdout.on('error', () => shutdown.request());
  messages.onGone(() => shutdown.request());
  // Whatever goes wrong where: no server is left behind.
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
      notice: say,
      signal: shutdown.asked,
    });
    const servers = {
      url: settings.broker?.url ?? stack.broker!.url,
      databaseUrl: settings.database?.url ?? stack.postgres!.url,
    };
    consumer = new Supervisor(consumerConfig('loghive dev', services, servers), {
      onStored: (records) => view.show(records),
    });
    await Promise.race([consumer.start(), shutdown.requested]);
    if (!shutdown.asked.aborted) {
      messages.write(`\n${printableLines(welcomeOf(stack, settings))}\n`);
      await untilEnd(stack, settings.parent, shutdown, say);
    }
    await drain(consumer, stack.broker, shutdown);
  } catch (error) {
    // Ctrl-C in a terminal reaches what was started as well, which may have ended before it is heard here.
    await sleep(SIGNAL_MS, shutdown.asked);
    // What was given up because it was to be is no failure.
    if (!shutdown.asked.aborted) throw error;
  } finally {
    await stop(consumer, stack, shutdown, say);
  }
  if (shutdown.fault !== undefined) throw shutdown.fault;
  await messages.written();
  process.exit(0);
}

/** A server of the user's own. */
interface Given {
  readonly url: string;
  /** '--url', 'environment variable LOGHIVE_URL', 'LOGHIVE_URL in /app/config.env'. */
  readonly where: string;
}

interface Settings {
  /** Absolute. */
  readonly folder: string;
  readonly broker: Given | undefined;
  readonly database: Given | undefined;
  readonly quiet: boolean;
  /** The process that npx or npm started this in. It does not pass signals on, so its end is watched. */
  readonly parent: number | undefined;
}

function checked(
  services: string[],
  options: DevOptions,
  stdout: Writable,
): { view: LiveView; port: number | undefined; settings: Settings } {
  const environment = openEnvironment();
  if (!environment('LOGHIVE_LOG_LEVEL')?.text && !environment('LOG_LEVEL')?.text) internalLogger.setLevel('WARNING');
  function given(option: string, url: string | undefined, name: string): Given | undefined {
    if (url !== undefined) return { url, where: option };
    const { text, where } = environment(name) ?? {};
    return text ? { url: text, where: where! } : undefined;
  }
  const broker = given('--url', options.url, 'LOGHIVE_URL');
  const database = given('--database-url', options.databaseUrl, 'LOGHIVE_DATABASE_URL');
  // Before anything is started: both URLs where they are given, and the names.
  consumerConfig('loghive dev', services, {
    url: broker?.url ?? 'amqp://localhost',
    databaseUrl: database?.url ?? 'postgres://localhost/x',
  });
  const event = environment('npm_lifecycle_event')?.text;
  // A script's shell may start it in the background, where it has no terminal to read from, and end: it is to go on then.
  const isForeground = event === 'npx' || (event !== undefined && process.stdin.isTTY);
  const parent = isForeground ? process.ppid : undefined;
  const mode = options.quiet ? 'quiet' : options.json ? 'json' : 'lines';
  const colour = process.stdout.isTTY && !environment('NO_COLOR')?.text;
  return {
    view: new LiveView({ stream: stdout, mode, colour }),
    port: portOf(options.port, broker !== undefined),
    settings: { folder: folderOf(options.data), broker, database, quiet: options.quiet ?? false, parent },
  };
}

function folderOf(text: string): string {
  const folder = path.resolve(text);
  if (text === '') throw new LoghiveError('LOGHIVE_INVALID_OPTION', 'option --data is "", expected a folder.');
  // Node reads names as UTF-8, and would make another folder beside one whose name is not.
  if (!folder.includes('\ufffd') || existsSync(process.cwd())) return folder;
  throw new LoghiveError(
    'LOGHIVE_FOLDER_UNUSABLE',
    `the name of the working directory ${process.cwd()} is not UTF-8. Name a folder with an absolute path (--data), or rename it.`,
  );
}

function portOf(text: string | undefined, hasOwnBroker: boolean): number | undefined {
  if (text === undefined) return undefined;
  if (hasOwnBroker) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      'option --port is for the development broker, and none is started where --url or LOGHIVE_URL names a broker. Leave one of them out.',
    );
  }
  const port = Number(text);
  if (/^\d+$/.test(text) && port < 65_536) return port;
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `option --port is ${shown(text)}, expected a port from 1 to 65535, or 0 for any that is free.`,
  );
}

function welcomeOf({ broker, postgres }: Stack, settings: Settings): string {
  const of = ({ url, where }: Given) => `${maskUrl(url)} (${where})`;
  const servers = [
    broker ? `development broker on port ${broker.port}` : `your RabbitMQ: ${of(settings.broker!)}`,
    postgres
      ? `PostgreSQL ${postgres.version} on port ${postgres.port}, data in ${postgres.folder}`
      : `your PostgreSQL: ${of(settings.database!)}`,
  ];
  const { url, where = '' } = broker ? { url: `amqp://${broker.host}:${broker.port}` } : settings.broker!;
  const isFound = where.includes('LOGHIVE_URL');
  return welcome({
    brokerUrl: isFound ? undefined : maskUrl(url),
    brokerUrlFrom: isFound ? placeOfUrl(where) : undefined,
    service: serviceHere(),
    servers,
    psql: postgres?.psql ?? `psql ${inShell(withoutPassword(settings.database!.url))}`,
    timeZone: settings.quiet ? undefined : utcOffset(new Date()),
  });
}

/** Where the application finds it as well. */
function placeOfUrl(where: string): string {
  return where.startsWith('environment') ? 'with LOGHIVE_URL in its environment' : `with ${where}`;
}

/** psql asks for it. */
function withoutPassword(url: string): string {
  const masked = maskUrl(url).replace(':***@', '@');
  return masked.replace(/([?&])password=\*\*\*(?:&|$)/, '$1').replace(/[?&]$/, '');
}

/** The application's name where it says so. */
function serviceHere(): string {
  try {
    const { name } = JSON.parse(readFileSync('package.json', 'utf8')) as { name?: unknown };
    const bare = String(name).replace(/^@[^/]*\//, '');
    return typeof name === 'string' && SERVICE_NAME.test(bare) ? bare : 'my-app';
  } catch {
    return 'my-app';
  }
}

/** Resolves when a person, or whatever reads the output, wants it to end, or what it works with is gone. */
async function untilEnd(
  { postgres, lost }: Stack,
  parent: number | undefined,
  shutdown: ShutdownSignals,
  say: (text: string) => void,
): Promise<void> {
  while (!shutdown.asked.aborted) {
    await sleep(LOOK_EVERY_MS, shutdown.asked);
    if (parent !== undefined && process.ppid !== parent && !shutdown.asked.aborted) {
      say('npx, or whatever else has started this, is gone: stopping');
      shutdown.request();
    }
    if (lost.aborted && !shutdown.asked.aborted) {
      shutdown.request(
        new LoghiveError(
          'LOGHIVE_FOLDER_LOCKED',
          'the folder of loghive dev was removed, or another process has taken it over because this one stood still for more than a minute. Start loghive dev again.',
        ),
      );
    }
    if (postgres && !postgres.isRunning() && !shutdown.asked.aborted) {
      shutdown.request(
        new LoghiveError(
          'LOGHIVE_POSTGRES_FAILED',
          `PostgreSQL (process ${postgres.pid}) has ended by itself; its log is in ${postgres.folder}. Start loghive dev again.`,
        ),
      );
    }
  }
}

/** What the broker has confirmed is gone with it: producers are held back, and the table gets the rest. */
async function drain(
  consumer: Supervisor,
  broker: DevelopmentBroker | undefined,
  shutdown: ShutdownSignals,
): Promise<void> {
  if (broker === undefined || shutdown.fault !== undefined || consumer.status().state !== 'running') return;
  broker.block('loghive dev is stopping');
  const startedMs = performance.now();
  for (let tookMs = 0; tookMs < DRAIN_MS && !shutdown.hurried.aborted; tookMs = performance.now() - startedMs) {
    const left = broker.listQueues().filter(({ messages }) => messages > 0);
    if (!left.some(({ consumers }) => consumers > 0 || tookMs < FOUND_MS)) return;
    await sleep(20, shutdown.hurried);
  }
}

async function stop(
  consumer: Supervisor | undefined,
  stack: Stack | undefined,
  shutdown: ShutdownSignals,
  say: (text: string) => void,
): Promise<void> {
  const hurry = new Promise((resolve) => shutdown.hurried.addEventListener('abort', resolve, { once: true }));
  // Also where it is not waited for: one that does not know that it is to end says that its servers are gone.
  const stopped = consumer?.stop();
  if (!shutdown.hurried.aborted) await within(CONSUMER_STOP_MS, Promise.race([stopped, hurry]));
  const lost = whatIsLost(stack?.broker);
  if (lost !== undefined) say(lost);
  await stack?.stop();
}

function whatIsLost(broker: DevelopmentBroker | undefined): string | undefined {
  const left = broker?.listQueues().filter(({ name, messages }) => messages > 0 && name !== 'loghive_services') ?? [];
  if (left.length === 0) return undefined;
  const count = left.reduce((sum, { messages }) => sum + messages, 0);
  const queues = left.map(({ name }) => name).join(', ');
  return `${counted(count, 'message was', 'messages were')} not stored and gone with the development broker: ${queues}`;
}
