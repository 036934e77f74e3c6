import { expect, test } from 'vitest';
import { lagOf, queueStatus, queuesOf } from '../../consumer/build-status.js';
import { healthOf } from '../../consumer/health.js';
import { Rate } from '../../consumer/monitoring.js';
import { type ConsumerStatus, HEALTH_REASONS, noWorkerStatus } from '../../consumer/status.js';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 0, 31);

type Part = Parameters<typeof healthOf>[0];

const worker = (id: number, broker: ConsumerStatus['broker'] = { state: 'ready' }) => ({
  ...noWorkerStatus(),
  id,
  restarts: 0,
  state: 'running' as const,
  broker,
  queues: { taken: 5, refused: 0 },
});
const AWAY = { state: 'waiting' as const, lastError: 'refused.' };

function health(about: Partial<Part>) {
  const well: Part = {
    state: 'running',
    broker: { state: 'ready' },
    storage: { isUp: true, isSchemaReady: true },
    workers: [worker(1), worker(2)],
    queues: [],
    queueMessageTtlMs: 7 * DAY_MS,
    lag: [],
    notices: [],
  };
  return healthOf({ ...well, ...about }, NOW_MS);
}

const depth = (messages: number, share: number) => ({ queue: 'q', messages, consumers: 1, atMs: 0, share });

const CASES: Array<[string, Partial<Part>, ConsumerStatus['health'], RegExp[]]> = [
  ['all is well', {}, 'ok', []],
  ['it is paused', { state: 'paused', reason: 'no disk' }, 'unhealthy', [/^PostgreSQL cannot store .*: no disk\.$/]],
  ['it is starting', { state: 'preparing' }, 'unhealthy', [/^the consumer is starting/]],
  ['it stops', { state: 'stopping', notices: ['n'] }, 'unhealthy', [/^the consumer is stopping\.$/, /^n\.$/]],
  [
    'the broker is unreachable',
    { broker: AWAY, workers: [worker(1, AWAY)] },
    'unhealthy',
    [/^not connected to RabbitMQ: refused\.$/],
  ],
  [
    'one of two workers has lost its connection',
    { broker: AWAY, workers: [worker(1), worker(2, AWAY)] },
    'degraded',
    [/^1 of 2 workers are not consuming messages\.$/],
  ],
  [
    'the broker gives no queue',
    { workers: [{ ...worker(1), queues: { taken: 0, refused: 5 } }], notices: ['n'] },
    'unhealthy',
    [/^no queue can be consumed from\. See the notices at \/status\.$/, /^n\.$/],
  ],
  [
    'one of two workers is paused, and the other stores',
    { workers: [worker(1), { ...worker(2), state: 'paused', reason: 'no connection is left' }] },
    'degraded',
    [/^1 of 2 workers are not consuming messages: no connection is left\.$/],
  ],
  [
    'its only worker has died',
    { workers: [{ ...worker(1), state: 'connecting' }] },
    'unhealthy',
    [/^no worker is consuming messages\.$/],
  ],
  [
    'an idle consumer finds PostgreSQL unreachable',
    { storage: { isUp: false, isSchemaReady: true, reason: 'nothing listens' } },
    'unhealthy',
    [/nothing listens\.$/],
  ],
  ['a batch takes 9 s', { storage: { isUp: true, isSchemaReady: true, writingSinceMs: NOW_MS - 9000 } }, 'ok', []],
  [
    'a batch takes 12 s',
    { storage: { isUp: true, isSchemaReady: true, writingSinceMs: NOW_MS - 12_000 } },
    'degraded',
    [/one batch for 12 s/],
  ],
  ['a queue is at 79 %', { queues: [depth(79, 0.79)] }, 'ok', []],
  ['a queue is at 80 %', { queues: [depth(80, 0.8)] }, 'degraded', [/^queue "q" is 80 % full \(80 messages\)/]],
  [
    'seven queues are full',
    { queues: Array.from({ length: 7 }, () => depth(1, 1)) },
    'degraded',
    [...Array.from({ length: 5 }, () => /100 % full/), /^2 more queues/],
  ],
  ['a record is 3 days old', { lag: [{ service: 'shop', oldestAgeS: 3 * 86_400 }] }, 'ok', []],
  [
    'a record is 4 days old',
    { lag: [{ service: 'shop', oldestAgeS: 4 * 86_400 }] },
    'degraded',
    [
      /the oldest unacknowledged record of service shop was published 4 d ago, and the broker drops records after 7 d\.$/,
    ],
  ],
  ['there is a notice', { notices: ['a queue has other arguments'] }, 'degraded', [/^a queue has other arguments\.$/]],
];

test.each(CASES)('health, when %s', (_, about, expected, reasons) => {
  const condition = health(about);
  expect(condition.health).toBe(expected);
  expect(condition.reasons).toEqual(reasons.map((reason) => expect.stringMatching(reason)));
  expect(condition.kinds.length === 0).toBe(reasons.length === 0);
});

test('every kind of reason occurs', () => {
  const kinds = new Set(CASES.flatMap(([, about]) => health(about).kinds));
  expect([...kinds].sort()).toEqual([...HEALTH_REASONS].sort());
});

test("a queue's fill level is by messages or by bytes, whichever is higher", () => {
  const settings = { type: 'quorum' as const, maxLength: 100, maxBytes: 1000, messageTtlMs: 1 };
  const of = (queue: string, messages: number) => ({ queue, messages, consumers: 0, atMs: 0 });
  expect(queueStatus(of('shop_info_logs', 10), settings, undefined)).toMatchObject({ limit: 100, share: 0.1 });
  expect(queueStatus(of('shop_info_logs', 10), settings, 50)).toMatchObject({ limit: 100, share: 0.5 });
  expect(queueStatus(of('shop_info_logs', 10), { ...settings, type: 'python' }, 50)).toMatchObject({ share: 0.1 });
  // It has no limit.
  expect(queueStatus(of('failure_backoff', 10), settings, 50)).not.toHaveProperty('share');
});

test('the queues of each service are monitored, and those that all services share', () => {
  expect(queuesOf(['shop'], [1000])).toEqual([
    ...['debug', 'info', 'warning', 'error', 'critical'].map((level) => `shop_${level}_logs`),
    'failure_backoff',
    'failure_backoff_1000',
    'loghive_services',
  ]);
});

test('the lag of a service is the age of its oldest unacknowledged record of any level', () => {
  const held = (oldestMs: number) => ({ oldestMs, meanBytes: 1 });
  const queues = new Map([
    ['shop_info_logs', held(NOW_MS - 2000)],
    ['shop_error_logs', held(NOW_MS - 5000)],
    ['till_info_logs', held(NOW_MS + 1000)],
    ['failure_backoff', held(0)],
  ]);
  expect(lagOf(queues, NOW_MS)).toEqual([
    { service: 'shop', oldestAgeS: 5 },
    { service: 'till', oldestAgeS: 0 },
  ]);
});

test('a rate covers the last minute', () => {
  const rate = new Rate();
  expect(rate.perSecond(5, 0)).toBe(0);
  for (let second = 0; second <= 120; second += 5) rate.read(second < 60 ? second * 100 : 6000, second * 1000);
  expect(rate.perSecond(6000, 120_000)).toBe(0);
  rate.read(6600, 125_000);
  expect(rate.perSecond(6600, 125_000)).toBeCloseTo(600 / 60, 0);
});
