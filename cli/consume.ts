/** `loghive consume [shop other]`: runs a consumer until a signal ends it. Where its messages go does not matter to it. */
import tty from 'node:tty';
import { type ConsumerOptions, consumerConfig } from '../consumer/config.js';
import { httpPortOf } from '../consumer/http/settings.js';
import { Supervisor } from '../consumer/supervisor.js';
import { openEnvironment, useConfigFile } from '../src/config.js';
import { internalLogger, sendInternalLinesTo } from '../src/internal-logger.js';
import { counted } from '../src/sentence.js';
import { startReporter } from './consume/reporter.js';
import { serviceManager } from './consume/systemd.js';
import { withCliNames } from './error-text.js';
import type { Messages } from './messages.js';
import { onSignals } from './shutdown-signals.js';

export interface ConsumeOptions extends Pick<ConsumerOptions, 'url' | 'databaseUrl' | 'schema' | 'httpHost'> {
  /** As it was typed. */
  readonly httpPort?: string;
  /** A file with settings, instead of `config.env` in the working directory. */
  readonly config?: string;
  /** Log lines as JSON, one object a line. */
  readonly jsonLogs?: boolean;
}

export async function consume(
  services: string[],
  { config, jsonLogs = false, httpPort: port, ...options }: ConsumeOptions,
  messages: Messages,
): Promise<void> {
  if (config !== undefined) useConfigFile(config);
  if (jsonLogs) sendInternalLinesTo((_line, entry) => messages.write(jsonLine(entry.level, entry.message)));
  const given = port === undefined ? options : { ...options, httpPort: httpPortOf(port) };
  const consumer = new Supervisor(consumerConfig('consume', services, given, true));
  const environment = openEnvironment();
  const terminal = process.stderr;
  const isLive = terminal.isTTY && !jsonLogs && environment('TERM')?.text !== 'dumb';
  const reporter = startReporter({
    status: () => consumer.status(),
    messages,
    columns: isLive ? () => terminal.columns || 80 : undefined,
  });
  if (isLive) sendInternalLinesTo((line) => reporter.write(withCliNames(line)));
  const manager = serviceManager(
    { socket: environment('NOTIFY_SOCKET')?.text, watchdogUs: environment('WATCHDOG_USEC')?.text },
    // A database that is away is no reason to be started again.
    () => consumer.status().state !== 'stopped' && consumer.isAlive,
  );
  let stopping = false;

  async function finish(): Promise<void> {
    await consumer.stop();
    reporter.stop();
    const { stored, duplicates, expired, deadLetters } = consumer.status().counts;
    const words = [
      `${counted(stored, 'record')} stored`,
      `${counted(duplicates, 'was', 'were')} there already`,
      ...(expired === 0 ? [] : [counted(expired, 'was older than it is kept', 'were older than they are kept')]),
      counted(deadLetters, 'dead letter'),
    ];
    internalLogger.info(`stopped: ${words.join(', ')}`);
    await messages.written();
    process.exit(0);
  }

  const stop = (signal: NodeJS.Signals) => {
    if (stopping) {
      internalLogger.warning(`${signal} again: what is in hand goes back to the queues`);
      process.exit(0);
    }
    stopping = true;
    manager.stopping();
    internalLogger.info(`${signal}: finishing what is in hand`);
    void finish();
  };
  const isInTerminal = hasTerminal();
  onSignals(isInTerminal ? ['SIGTERM', 'SIGINT', 'SIGHUP'] : ['SIGTERM', 'SIGINT'], stop);
  if (!isInTerminal) process.on('SIGHUP', ignoreHangup);

  try {
    await consumer.start();
  } catch (error) {
    reporter.stop();
    throw error;
  }
  manager.ready();
}

function jsonLine(level: string, message: string): string {
  return `${JSON.stringify({ time: new Date().toISOString(), level, message: withCliNames(message) })}\n`;
}

/** Asked at the start: when it has hung up, nothing looks like a terminal any more. */
function hasTerminal(): boolean {
  return [0, 1, 2].some((fd) => tty.isatty(fd));
}

/** Of somebody else's terminal: it was started by nohup, whose setting Node undoes, or as a service. */
function ignoreHangup(): void {
  internalLogger.info('SIGHUP: there is no terminal to lose and nothing to load again; SIGTERM ends it');
}
