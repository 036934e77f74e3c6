/** `loghive consume [shop other]`: runs a consumer until a signal ends it. Where its messages go does not matter to it. */
import tty from 'node:tty';
import { type ConsumerOptions, consumerConfig } from '../consumer/config.js';
import { Consumer } from '../consumer/consumer.js';
import { internalLogger } from '../src/internal-logger.js';
import { counted } from '../src/sentence.js';
import type { Messages } from './messages.js';

export async function consume(
  services: string[],
  options: Pick<ConsumerOptions, 'url' | 'databaseUrl' | 'schema'>,
  messages: Messages,
): Promise<void> {
  const consumer = new Consumer(consumerConfig('consume', services, options));
  let stopping = false;

  async function finish(): Promise<void> {
    await consumer.stop();
    const { stored, duplicates, deadLetters } = consumer.status().counts;
    const words = [
      `${counted(stored, 'record')} stored`,
      `${counted(duplicates, 'was', 'were')} there already`,
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
    internalLogger.info(`${signal}: finishing what is in hand`);
    void finish();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', hasTerminal() ? stop : ignoreHangup);

  await consumer.start();
}

/** Asked at the start: when it has hung up, nothing looks like a terminal any more. */
function hasTerminal(): boolean {
  return [0, 1, 2].some((fd) => tty.isatty(fd));
}

/** Of somebody else's terminal: it was started by nohup, whose setting Node undoes, or as a service. */
function ignoreHangup(): void {
  internalLogger.info('SIGHUP: there is no terminal to lose and nothing to load again; SIGTERM ends it');
}
