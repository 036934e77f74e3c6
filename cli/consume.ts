/** `loghive consume [shop other]`: runs a consumer until SIGTERM or SIGINT. */
import { type ConsumerOptions, consumerConfig } from '../consumer/config.js';
import { Consumer } from '../consumer/consumer.js';
import { internalLogger } from '../src/internal-logger.js';

export async function consume(
  services: string[],
  options: Pick<ConsumerOptions, 'url' | 'databaseUrl' | 'schema'>,
): Promise<void> {
  const consumer = new Consumer(consumerConfig('consume', services, options));
  let stopping = false;

  const stop = (signal: NodeJS.Signals) => {
    if (stopping) {
      internalLogger.warning(`${signal} again: what is in hand goes back to the queues`);
      process.exit(0);
    }
    stopping = true;
    internalLogger.info(`${signal}: finishing what is in hand`);
    void consumer.stop().then(() => {
      const { stored, duplicates, deadLetters } = consumer.status().counts;
      internalLogger.info(
        `stopped: ${stored} records stored, ${duplicates} were there already, ${deadLetters} dead letters`,
      );
      process.exit(0);
    });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  await consumer.start();
}
