import { expect, test } from 'vitest';
import type { Condition } from '../../../consumer/alerts/alerts.js';
import { type QueueState, type SelfState, SelfWatch } from '../../../consumer/alerts/self-watch.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.parse('2026-01-31T10:00:00Z');

function watch() {
  const active = new Map<string, string>();
  const self = new SelfWatch({
    process: 'box:1',
    condition(key: string, { active: isActive, sentence }: Condition) {
      if (isActive) active.set(key, sentence);
      else active.delete(key);
    },
  });
  const look = (afterMs: number, state: Partial<SelfState>) => {
    self.update({
      nowMs: START + afterMs,
      storage: undefined,
      deadLetters: 0,
      workerCrashes: 0,
      queues: [],
      services: [],
      ttlMs: 7 * DAY,
      ...state,
    });
    return [...active.values()];
  };
  return { look };
}

const queue = (changes: Partial<QueueState>): QueueState => ({
  ...{ name: 'shop_error_logs', messages: 812_000, share: 0, consumers: 1 },
  ...changes,
});

test('PostgreSQL that does not accept records for a minute is reported, and its recovery', () => {
  const { look } = watch();
  const storage = { sinceMs: START, reason: 'nothing listens at db:5432.' };
  expect(look(59_000, { storage })).toEqual([]);
  expect(look(60_000, { storage })).toEqual([
    'PostgreSQL has not accepted records for a minute. Reason: nothing listens at db:5432. Records stay in their queues until it does.',
  ]);
  expect(look(70_000, {})).toEqual([]);
});

test('a queue is reported at 80 % with the values of that moment, and resolved below 70 %', () => {
  const { look } = watch();
  const at = (share: number) => look(0, { queues: [queue({ share })] });
  const reported = [expect.stringMatching(/^queue shop_error_logs is 81 % full \(812,000 messages\)\. Check that/)];
  expect([at(0.79), at(0.81), at(0.95), at(0.71), at(0.69), at(0.75)]).toEqual([
    [],
    reported,
    reported,
    reported,
    [],
    [],
  ]);
});

test('a record is reported at half of its TTL', () => {
  const { look } = watch();
  expect(look(0, { services: [{ name: 'shop', oldestMs: 3.4 * DAY }] })).toEqual([]);
  expect(look(0, { services: [{ name: 'shop', oldestMs: 3.5 * DAY }] })).toEqual([
    'the oldest unstored record of service shop was published 3.5 days ago. The broker deletes it after 7 days. Check that a consumer stores records of this service.',
  ]);
  expect(look(0, { services: [{ name: 'shop', oldestMs: 3 * DAY }] })).toHaveLength(1);
  expect(look(0, {})).toEqual([]);
});

test('a queue with messages but no consumer is reported after a minute, until it is deleted', () => {
  const { look } = watch();
  const queues = [queue({ consumers: 0 })];
  expect(look(0, { queues })).toEqual([]);
  expect(look(MINUTE, { queues })).toEqual([
    'queue shop_error_logs has messages but no consumer. Start a consumer for its service.',
  ]);
  expect(look(MINUTE, { queues: [] })).toEqual([]);
  expect(look(10 * MINUTE, { queues: [queue({ consumers: 0, messages: 0 })] })).toEqual([]);
});

test('a queue without a consumer is not reported while PostgreSQL is down, nor within a minute after that', () => {
  const { look } = watch();
  const queues = [queue({ consumers: 0 })];
  const storage = { sinceMs: START, reason: '' };
  expect(look(30_000, { queues, storage })).toEqual([]);
  expect(look(10 * MINUTE, { queues, storage })).toEqual([expect.stringMatching(/^PostgreSQL has not accepted/)]);
  expect(look(11 * MINUTE, { queues })).toEqual([]);
  expect(look(12 * MINUTE, { queues })).toEqual([expect.stringMatching(/^queue shop_error_logs has messages/)]);
});

test('dead letters are active until an hour has passed without any', () => {
  const { look } = watch();
  expect(look(0, { deadLetters: 0 })).toEqual([]);
  const reported = [expect.stringMatching(/^2 records could not be stored and became dead letters\./)];
  expect(look(1000, { deadLetters: 2 })).toEqual(reported);
  expect(look(30 * MINUTE, { deadLetters: 3 })).toEqual(reported);
  expect(look(89 * MINUTE, { deadLetters: 3 })).toEqual(reported);
  expect(look(91 * MINUTE, { deadLetters: 3 })).toEqual([]);
});

test('workers that crash three times within ten minutes are reported, until ten minutes without a crash', () => {
  const { look } = watch();
  expect(look(0, { workerCrashes: 1 })).toEqual([]);
  expect(look(11 * MINUTE, { workerCrashes: 3 })).toEqual([]);
  const reported = ['the workers of box:1 crashed 3 times within 10 minutes. Check its log.'];
  expect(look(12 * MINUTE, { workerCrashes: 4 })).toEqual(reported);
  expect(look(21.5 * MINUTE, { workerCrashes: 4 })).toEqual(reported);
  expect(look(22 * MINUTE, { workerCrashes: 4 })).toEqual([]);
});
