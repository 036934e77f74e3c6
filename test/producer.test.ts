import { EventEmitter } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { internalLogger } from '../src/internal-logger.js';
import { openProducer } from '../src/producer.js';
import { type ProducerConfig, type ProducerOptions, producerConfig } from '../src/producer-config.js';
import { sharePublisher } from '../src/publisher/shared.js';
import { onEnd } from './support/use-servers.js';
import { eventually } from './support/wait.mjs';

/** Nothing listens at this address, and the end of the process does not wait. */
function settings(lingerMs: number, options: ProducerOptions = {}): ProducerConfig {
  return producerConfig('test', { service: 'shop', url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0, lingerMs, ...options });
}

/** The publisher that integrations with these settings share. */
function publisherOf(config: ProducerConfig) {
  const { broker, queues, lingerMs, bufferBytes, recordsPerMessage, exitTimeoutMs, handleSignals, spool } = config;
  const shared = sharePublisher({
    broker,
    queues,
    lingerMs,
    bufferBytes,
    recordsPerMessage,
    exitTimeoutMs,
    handleSignals,
    spool,
  });
  onEnd(() => shared.release());
  return shared.publisher;
}

it('a closed producer leaves no listeners on its publisher, and many producers cause no Node warning', async () => {
  const warned = vi.fn();
  process.on('warning', warned);
  onTestFinished(() => {
    process.removeListener('warning', warned);
  });
  const config = settings(1);
  const { events } = publisherOf(config);
  const integrations = Array.from({ length: 30 }, () =>
    openProducer(
      config,
      new EventEmitter().on('warning', () => {}),
    ),
  );
  expect(events.listenerCount('warning')).toBe(30);
  await Promise.all(integrations.map((integration) => integration.close()));
  for (const event of ['warning', 'connect', 'disconnect'] as const) expect(events.listenerCount(event)).toBe(0);
  await new Promise(setImmediate);
  expect(warned).not.toHaveBeenCalled();
});

it('a producer emits events until it is closed, even if a listener of another integration throws', async () => {
  const errorLog = vi.spyOn(internalLogger, 'error').mockImplementation(() => {});
  onTestFinished(() => errorLog.mockRestore());
  const config = settings(2, { spool: false });
  const integrations = [new EventEmitter(), new EventEmitter()];
  const codes: string[] = [];
  integrations[0]!.on('warning', () => {
    throw new Error('broken');
  });
  integrations[1]!.on('warning', ({ code }) => codes.push(code));
  const producers = integrations.map((integration) => openProducer(config, integration));
  await eventually(() => expect(codes).toEqual(['LOGHIVE_BROKER_UNREACHABLE']));
  expect(errorLog).toHaveBeenCalledExactlyOnceWith('a listener of "warning" threw: broken');
  producers[1]!.log({ level: 'INFO', message: 'one', information: {} });
  await producers[0]!.close();
  // The records that the last one loses are reported before it stops.
  await producers[1]!.close();
  expect(codes).toEqual(['LOGHIVE_BROKER_UNREACHABLE', 'LOGHIVE_RECORDS_LOST']);
});

it('a record that finds the call stack full is dropped and counted, and reported later', async () => {
  const errorLog = vi.spyOn(internalLogger, 'error').mockImplementation(() => {});
  onTestFinished(() => errorLog.mockRestore());
  const config = settings(3, { bufferBytes: 64 * 1024 * 1024 });
  const producer = openProducer(config, new EventEmitter());
  let begun = 0;
  let returned = 0;
  const log = () => {
    begun++;
    producer.log({ level: 'INFO', message: 'deep', information: { n: 1 } });
    returned++;
  };
  const fill = () => {
    log();
    fill();
  };
  for (let depth = 0; depth < 12; depth++) {
    // Starting deeper each time, so that the stack is exhausted at different places of the logging call.
    const below = (left: number): void => (left === 0 ? fill() : below(left - 1));
    expect(() => below(depth)).toThrow(RangeError);
  }
  const { accepted, pending, dropped } = producer.stats();
  expect(dropped.INFO?.['call stack full']).toBeGreaterThan(0);
  // A logging call that threw, because even it had no room, accepted nothing.
  expect(accepted).toBeGreaterThanOrEqual(returned);
  expect(accepted).toBeLessThanOrEqual(begun);
  expect(pending + Object.values(dropped.INFO ?? {}).reduce((sum, each) => sum + each, 0)).toBe(accepted);
  // stats() has no side effects.
  expect(producer.stats()).toEqual(producer.stats());
  const losses = () => errorLog.mock.calls.map(([line]) => line).filter((line) => line.includes('call stack full'));
  expect(losses()).toEqual([]);
  producer.log({ level: 'INFO', message: 'with room again', information: {} });
  await eventually(() => expect(losses()).toHaveLength(1));
  expect(losses()[0]).toMatch(/call stack full: INFO \d+\).*The application's call stack was exhausted\.$/);
  await producer.close();
  expect(losses()).toHaveLength(1);
  expect(producer.stats()).toMatchObject({ pending: 0, pendingBytes: 0 });
});
