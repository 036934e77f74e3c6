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
import { Consumer } from '../consumer/consumer.js';
import { openEnvironment } from '../src/config.js';
import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { printableLines } from '../src/printable.js';
import { counted } from '../src/sentence.js';
import { maskUrl } from '../src/settings/mask-url.js';
import { shown } from '../src/settings/option.js';
import { sleep } from '../src/time/time-limit.js';
import { SERVICE_NAME } from '../src/wire.js';
import { welcome } from './dev/welcome.js';
import type { DevelopmentBroker } from './embedded/broker/index.js';
import { confirmation } from './embedded/confirmation.js';
import { type Stack, startStack } from './embedded/stack.js';
import { createEnding, type Ending } from './ending.js';
import { LiveView } from './live/live-view.js';
import type { Messages } from './messages.js';
import { openStdout } from './output.js';

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
  const ending = createEnding((signal, again) => say(`${signal}${again ? ' again: stopping at once' : ': stopping'}`));
  // Whoever read one of them has gone, and nobody sees what is shown.
  stdout.on('error', () => ending.request());
  messages.onGone(() => ending.request());
  // Whatever goes wrong where: no server is left behind.
  process.on('uncaughtException', (error) => ending.request(error));
  let stack: Stack | undefined;
  let consumer: Consumer | undefined;
  try {
    stack = await startStack({
      folder: settings.folder,
      broker: settings.url === undefined,
      postgres: settings.databaseUrl === undefined,
      port,
      ask: confirmation({ yes: options.yes ?? false }),
      notice: say,
      signal: ending.asked,
    });
    const servers = {
      url: settings.url ?? stack.broker!.url,
      databaseUrl: settings.databaseUrl ?? stack.postgres!.url,
    };
    consumer = new Consumer(consumerConfig('loghive dev', services, servers), {
      onStored: (records) => view.show(records),
    });
    await Promise.race([consumer.start(), ending.requested]);
    if (!ending.asked.aborted) {
      messages.write(`\n${printableLines(welcomeOf(stack, settings))}\n`);
      await untilEnd(stack, ending);
    }
    await drain(consumer, stack.broker, ending);
  } catch (error) {
    // Ctrl-C in a terminal reaches what was started as well, which may have ended before it is heard here.
    await sleep(SIGNAL_MS, ending.asked);
    // What was given up because it was to be is no failure.
    if (!ending.asked.aborted) throw error;
  } finally {
    await stop(consumer, stack, ending, say);
  }
  if (ending.fault !== undefined) throw ending.fault;
  await messages.written();
  process.exit(0);
}

interface Settings {
  /** Absolute. */
  readonly folder: string;
  readonly url: string | undefined;
  readonly databaseUrl: string | undefined;
  /** The broker's address came with the environment, where the application finds it as well. */
  readonly urlIsInEnvironment: boolean;
}

function checked(
  services: string[],
  options: DevOptions,
  stdout: Writable,
): { view: LiveView; port: number | undefined; settings: Settings } {
  const environment = openEnvironment();
  if (!environment('LOG_LEVEL')?.text) internalLogger.setLevel('WARNING');
  const fromEnvironment = (name: string) => environment(name)?.text || undefined;
  const url = options.url ?? fromEnvironment('LOGHIVE_URL');
  const databaseUrl = options.databaseUrl ?? fromEnvironment('LOGHIVE_DATABASE_URL');
  // Before anything is started: both URLs where they are given, and the names.
  consumerConfig('loghive dev', services, {
    url: url ?? 'amqp://localhost',
    databaseUrl: databaseUrl ?? 'postgres://localhost/x',
  });
  const mode = options.quiet ? 'quiet' : options.json ? 'json' : 'lines';
  const colour = process.stdout.isTTY && !fromEnvironment('NO_COLOR');
  return {
    view: new LiveView({ stream: stdout, mode, colour }),
    port: portOf(options.port, url !== undefined),
    settings: {
      folder: folderOf(options.data),
      url,
      databaseUrl,
      urlIsInEnvironment: options.url === undefined && url !== undefined,
    },
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

function welcomeOf({ broker, postgres }: Stack, { url, urlIsInEnvironment }: Settings): string {
  const servers = [
    broker ? `development broker on port ${broker.port}` : 'your RabbitMQ',
    postgres
      ? `PostgreSQL ${postgres.version} on port ${postgres.port}, data in ${postgres.folder}`
      : 'your PostgreSQL',
  ];
  const brokerUrl = broker ? `amqp://${broker.host}:${broker.port}` : urlIsInEnvironment ? undefined : url;
  return welcome({
    brokerUrl: brokerUrl && maskUrl(brokerUrl),
    service: serviceHere(),
    servers,
    psql: postgres?.psql,
  });
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
async function untilEnd({ postgres, lost }: Stack, ending: Ending): Promise<void> {
  while (!ending.asked.aborted) {
    await sleep(LOOK_EVERY_MS, ending.asked);
    if (lost.aborted && !ending.asked.aborted) {
      ending.request(
        new LoghiveError(
          'LOGHIVE_FOLDER_LOCKED',
          'the folder of loghive dev was removed, or another process has taken it over because this one stood still for more than a minute. Start loghive dev again.',
        ),
      );
    }
    if (postgres && !postgres.isRunning() && !ending.asked.aborted) {
      ending.request(
        new LoghiveError(
          'LOGHIVE_POSTGRES_FAILED',
          `PostgreSQL (process ${postgres.pid}) has ended by itself; its log is in ${postgres.folder}. Start loghive dev again.`,
        ),
      );
    }
  }
}

/** What the broker has confirmed is gone with it: producers are held back, and the table gets the rest. */
async function drain(consumer: Consumer, broker: DevelopmentBroker | undefined, ending: Ending): Promise<void> {
  if (broker === undefined || ending.fault !== undefined || consumer.status().state !== 'running') return;
  broker.block('loghive dev is stopping');
  const startedMs = performance.now();
  for (let tookMs = 0; tookMs < DRAIN_MS && !ending.hurried.aborted; tookMs = performance.now() - startedMs) {
    const left = broker.listQueues().filter(({ messages }) => messages > 0);
    if (!left.some(({ consumers }) => consumers > 0 || tookMs < FOUND_MS)) return;
    await sleep(20, ending.hurried);
  }
}

async function stop(
  consumer: Consumer | undefined,
  stack: Stack | undefined,
  ending: Ending,
  say: (text: string) => void,
): Promise<void> {
  const hurry = new Promise((resolve) => ending.hurried.addEventListener('abort', resolve, { once: true }));
  if (consumer && !ending.hurried.aborted) {
    await Promise.race([consumer.stop(), hurry, sleep(CONSUMER_STOP_MS, ending.hurried)]);
  }
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
