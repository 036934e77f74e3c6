/** `loghive consume [shop other]`: runs a consumer until it receives a signal. */
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
import { supportsEscapes } from './output.js';
import { onSignals } from './shutdown-signals.js';

export interface ConsumeOptions extends Pick<ConsumerOptions, 'url' | 'databaseUrl' | 'schema' | 'httpHost'> {
  /** As typed on the command line. */
  readonly httpPort?: string;
  /** Settings file to use instead of `config.env` in the working directory. */
  readonly config?: string;
  /** Write log lines as JSON, one object per line. */
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
  const isLive = supportsEscapes(terminal, environment('TERM')?.text) && !jsonLogs;
  const reporter = startReporter({
    status: () => consumer.status(),
    messages,
    columns: isLive ? () => terminal.columns || 80 : undefined,
  });
  if (isLive) sendInternalLinesTo((line) => reporter.write(withCliNames(line)));
  const manager = serviceManager(
    { socket: environment('NOTIFY_SOCKET')?.text, watchdogUs: environment('WATCHDOG_USEC')?.text },
    // Do not let the watchdog restart the process because the database is unreachable.
    () => consumer.status().state !== 'stopped' && consumer.isAlive,
  );
  let stopping = false;

  async function finish(): Promise<void> {
    await consumer.stop();
    reporter.stop();
    const { stored, duplicates, expired, deadLetters } = consumer.status().counts;
    const parts = [
      `${counted(stored, 'record')} stored`,
      `${counted(duplicates, 'duplicate')}`,
      ...(expired === 0 ? [] : [counted(expired, 'expired record')]),
      counted(deadLetters, 'dead letter'),
    ];
    internalLogger.info(`stopped: ${parts.join(', ')}`);
    await messages.flushed();
    process.exit(0);
  }

  const stop = (signal: NodeJS.Signals) => {
    if (stopping) {
      internalLogger.warning(`${signal} again: exiting; unacknowledged messages are requeued`);
      process.exit(0);
    }
    stopping = true;
    manager.stopping();
    internalLogger.info(`${signal}: finishing unacknowledged messages`);
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

/** Checked once at startup: after a hangup, nothing looks like a terminal any more. */
function hasTerminal(): boolean {
  return [0, 1, 2].some((fd) => tty.isatty(fd));
}

/** For a process without a terminal: a service, or one started by nohup, whose SIGHUP setting Node resets. */
function ignoreHangup(): void {
  internalLogger.info('SIGHUP ignored: there is no terminal and no configuration to reload; send SIGTERM to stop');
}
