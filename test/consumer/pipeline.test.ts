/** Consuming, storing and acknowledging, without servers. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { BatchScheduler } from '../../consumer/batch-scheduler.js';
import type { IntakeChannel } from '../../consumer/intake/intake-channel.js';
import { Pipeline } from '../../consumer/pipeline.js';
import type { Republisher } from '../../consumer/republish.js';
import type { RetryPublisher } from '../../consumer/retry-publisher.js';
import type { Batch, Store } from '../../consumer/store/index.js';
import { messageOf, QUEUE } from './message.js';

const config = {
  batchSize: 100,
  batchBytes: 1_000_000,
  batchLingerMs: 50,
  retryDelaysMs: [],
  retention: { days: undefined, levels: {} },
  pythonTimezone: undefined,
  maxServices: 10,
};

function openPipeline(write: Store['write']) {
  const acknowledged: number[] = [];
  const channel = {
    isEnded: false,
    acknowledge: (tags: number[]) => acknowledged.push(...tags),
  } as unknown as IntakeChannel;
  const pipeline = new Pipeline({
    config,
    store: { write } as Partial<Store> as Store,
    republisher: {} as Republisher,
    retryPublisher: {} as RetryPublisher,
    channel: () => channel,
    isStoring: () => true,
    onAnnounced() {},
    onProgress() {},
    onDeadLetters() {},
    async onUnavailable() {},
  });
  return { pipeline, channel, acknowledged };
}

const line = JSON.stringify({ service: 'shop', level: 'INFO', message: 'm', timestamp: new Date().toISOString() });

test('a message whose batch is committed is acknowledged, whatever fails then', async () => {
  const stored = vi.spyOn(BatchScheduler.prototype, 'stored').mockImplementation(() => {
    throw new Error('a fault of ours');
  });
  onTestFinished(() => stored.mockRestore());
  const { pipeline, channel, acknowledged } = openPipeline(async ({ items }) => ({
    stored: items.length,
    duplicates: 0,
    rejected: [],
  }));
  pipeline.receive(channel, QUEUE, messageOf(line, { deliveryTag: 7 }));
  await pipeline.finish();
  expect(stored).toHaveBeenCalledOnce();
  expect(acknowledged).toEqual([7]);
});

test('a message that no consumer has survived is a dead letter, and is not parsed', async () => {
  const written: Batch[] = [];
  const { pipeline, channel, acknowledged } = openPipeline(async (batch) => {
    written.push(batch);
    return { stored: 0, duplicates: 0, rejected: [] };
  });
  const headers = { 'x-loghive-rounds': 20, 'x-loghive-first-round': Math.floor(Date.now() / 1000) - 600 };
  pipeline.receive(channel, QUEUE, messageOf(line, { deliveryTag: 7, headers }));
  await pipeline.finish();
  const reason = expect.stringContaining('redelivered too often');
  expect(written).toMatchObject([{ items: [], letters: [{ raw: Buffer.from(line), reason }] }]);
  expect(acknowledged).toEqual([7]);
});
