/** What is counted in a worker, sent to another thread, and added up there. */
import { expect, test } from 'vitest';
import { emptyHistogram, histogramSamples, observe } from '../../../consumer/metrics/histogram.js';
import { LaneCounts, lanesOf } from '../../../consumer/metrics/lane-counts.js';
import {
  addCounts,
  addInHand,
  BATCH_BOUNDS,
  NOTHING_IN_HAND,
  noPipelineCounts,
  type PipelineCounts,
} from '../../../consumer/metrics/snapshot.js';
import type { DeadLetter } from '../../../consumer/store/index.js';
import type { Level } from '../../../src/level.js';
import { ServiceLabels } from '../../../src/metrics/service-labels.js';

const item = (service: string, level: Level, id = '') => ({
  record: { id, timestamp: '', service, level, message: '', information: '{}' },
  raw: Buffer.alloc(0),
});

const letter = (about: Partial<DeadLetter>): DeadLetter => ({
  raw: Buffer.alloc(0),
  code: 'invalid',
  reason: '',
  attempts: 0,
  queue: 'shop_error_logs',
  routingKey: '',
  headers: {},
  ...about,
});

/** [service, level, stored, duplicate, dead lettered, expired, retried] */
function listed(counts: Pick<PipelineCounts, 'lanes'>) {
  return [...lanesOf(counts.lanes)].map(({ service, level, count }) => [
    service,
    level,
    count('stored'),
    count('duplicate'),
    count('dead_lettered'),
    count('expired'),
    count('retried'),
  ]);
}

function countsOf(lanes: LaneCounts): PipelineCounts {
  return { ...noPipelineCounts(), lanes: lanes.table };
}

test('each record of a batch is counted as what became of it', () => {
  const lanes = new LaneCounts(10);
  const [a, b, c, d] = [item('shop', 'INFO'), item('shop', 'INFO'), item('till', 'ERROR'), item('shop', 'DEBUG')];
  const refused = { item: c, action: 'dead-letter' as const, code: '22021', message: '' };
  lanes.batchStored({
    items: [a, b, c, d],
    rejected: [refused],
    duplicates: [b.record],
    deadLetters: [letter({ service: 'till', level: 'ERROR' }), letter({}), letter({ queue: 'failure_backoff' })],
  });
  lanes.count('expired', d.record, 3);
  expect(listed({ lanes: lanes.table })).toEqual([
    ['shop', 'DEBUG', 1, 0, 0, 3, 0],
    ['shop', 'INFO', 1, 1, 0, 0, 0],
    // What does not say whose it is belongs to the queue that it came from.
    ['shop', 'ERROR', 0, 0, 1, 0, 0],
    ['till', 'ERROR', 0, 0, 1, 0, 0],
    ['other', 'unknown', 0, 0, 1, 0, 0],
  ]);
});

test('two snapshots are added up after they came through a message to another thread', () => {
  const [one, other] = [new LaneCounts(10), new LaneCounts(10)];
  one.count('stored', { service: 'shop', level: 'INFO' }, 5);
  other.count('stored', { service: 'shop', level: 'INFO' }, 7);
  other.count('retried', { service: 'till', level: 'ERROR' }, 1);
  const [left, right] = [countsOf(one), countsOf(other)];
  left.totals.stored = 5;
  right.totals.stored = 7;
  right.totals.batches = 1;
  observe(left.batchRecords, BATCH_BOUNDS, 5);
  observe(right.batchRecords, BATCH_BOUNDS, 7);
  const sum = addCounts(structuredClone(left), structuredClone(right), new ServiceLabels(10));
  expect(listed(sum)).toEqual([
    ['shop', 'INFO', 12, 0, 0, 0, 0],
    ['till', 'ERROR', 0, 0, 0, 0, 1],
  ]);
  expect(sum.totals).toMatchObject({ stored: 12, batches: 1, duplicates: 0 });
  expect(sum.batchRecords).toMatchObject({ sum: 12 });
  // Neither of the two has changed.
  expect(listed(left)).toEqual([['shop', 'INFO', 5, 0, 0, 0, 0]]);
});

test('the sum of many workers has no more services than one of them may have, and each keeps its label', () => {
  const labels = new ServiceLabels(2);
  const worker = (service: string) => {
    const lanes = new LaneCounts(2);
    lanes.count('stored', { service, level: 'INFO' });
    return countsOf(lanes);
  };
  const services = () => {
    let sum = noPipelineCounts();
    for (const each of [...seen].map(worker)) sum = addCounts(sum, each, labels);
    return listed(sum).map(([service, , stored]) => [service, stored]);
  };
  const seen = ['a', 'b'];
  services();
  // A new one comes first in the order of the workers, and pushes none of the others out.
  seen.unshift('c', 'd');
  expect(services()).toEqual([
    ['other', 2],
    ['a', 1],
    ['b', 1],
  ]);
});

test('what several hold is added up, and the oldest counts', () => {
  const one = { messages: 2, queues: new Map([['q', { oldestMs: 5, meanBytes: 10 }]]), writingSinceMs: 7 };
  const other = {
    messages: 3,
    queues: new Map([
      ['q', { oldestMs: 4, meanBytes: 8 }],
      ['r', { oldestMs: 9, meanBytes: 1 }],
    ]),
    writingSinceMs: 6,
  };
  expect(addInHand(one, other)).toEqual({
    messages: 5,
    queues: new Map([
      ['q', { oldestMs: 4, meanBytes: 10 }],
      ['r', { oldestMs: 9, meanBytes: 1 }],
    ]),
    writingSinceMs: 6,
  });
  expect(addInHand(one, NOTHING_IN_HAND)).toEqual(one);
});

test('a histogram counts each value into the bucket of the first bound that it is not above', () => {
  const bounds = [1, 10];
  const histogram = emptyHistogram(bounds);
  for (const value of [0, 1, 1.5, 10, 11]) observe(histogram, bounds, value);
  expect(histogram).toEqual({ buckets: [2, 2, 1], sum: 23.5 });
  expect(histogramSamples('x', histogram, bounds)).toEqual([
    { metricName: 'x_bucket', labels: { le: 1 }, value: 2 },
    { metricName: 'x_bucket', labels: { le: 10 }, value: 4 },
    { metricName: 'x_bucket', labels: { le: '+Inf' }, value: 5 },
    { metricName: 'x_sum', labels: {}, value: 23.5 },
    { metricName: 'x_count', labels: {}, value: 5 },
  ]);
});
