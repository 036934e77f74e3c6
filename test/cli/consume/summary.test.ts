/** Status texts of `loghive consume`. */
import { expect, test } from 'vitest';
import { hasWorked, minuteLine, type Snapshot, statusLine } from '../../../cli/consume/summary.js';
import {
  type ConsumerCounts,
  type ConsumerStatus,
  noCounts,
  noMaintenanceCounts,
  noWorkerStatus,
} from '../../../consumer/status.js';

function snapshot(atMs: number, counts: Partial<ConsumerCounts> = {}, more: Partial<ConsumerStatus> = {}): Snapshot {
  const worker = { ...noWorkerStatus(), id: 1, restarts: 0 };
  const { broker, publishing } = worker;
  const status: ConsumerStatus = {
    state: 'running',
    sinceMs: 0,
    hasStarted: true,
    health: 'ok',
    reasons: [],
    kinds: [],
    services: ['shop'],
    broker,
    publishing,
    storage: { isUp: true, isSchemaReady: true },
    inHand: 0,
    queues: [],
    queueMessageTtlMs: 604_800_000,
    lag: [],
    rates: { storedPerSecond: 0 },
    counts: { ...noCounts(), ...counts },
    maintenance: noMaintenanceCounts(),
    notices: [],
    workers: [worker],
    ...more,
  };
  return { atMs, status };
}

test('the log line of a minute has counts and a rate', () => {
  expect(minuteLine(snapshot(0, { stored: 1000 }), snapshot(60_000, { stored: 13_000 }, { inHand: 40 }))).toBe(
    '12000 records stored in 60 s (200/s), 40 unacknowledged messages, 1 service',
  );
});

test('problems of the last minute are listed, and only those', () => {
  const before = snapshot(0, { duplicates: 5, deadLetters: 1 });
  const now = snapshot(60_000, { stored: 1, duplicates: 7, expired: 4, deadLetters: 2, retried: 3 });
  expect(minuteLine(before, now)).toBe(
    '1 record stored in 60 s (0/s), 2 already stored, 4 expired, 3 retried, 1 dead letter, 0 unacknowledged messages, 1 service',
  );
});

test('a pause is listed first, with its reason', () => {
  const now = snapshot(60_000, {}, { state: 'paused', reason: 'PostgreSQL cannot take records' });
  expect(minuteLine(snapshot(0), now)).toMatch(/^paused \(PostgreSQL cannot take records\): 0 records stored/);
});

test('a storage problem of a running consumer is listed first', () => {
  const storage = { isUp: false, isSchemaReady: true, reason: 'a lock' };
  expect(minuteLine(snapshot(0), snapshot(60_000, {}, { storage }))).toMatch(/^cannot store \(a lock\): 0 records/);
});

test('any change of the counts is work', () => {
  expect(hasWorked(snapshot(0, { stored: 5 }), snapshot(1, { stored: 5 }))).toBe(false);
  expect(hasWorked(snapshot(0), snapshot(1, { redelivered: 1 }))).toBe(true);
});

test('the status line shows the recent rate and is never wider than the terminal', () => {
  const [before, now] = [snapshot(0, { stored: 500 }), snapshot(5000, { stored: 6_500 }, { inHand: 12 })];
  expect(statusLine(before, now, 80)).toBe(
    'ok · 1,200 records/s · 6,500 stored · 12 unacknowledged · 1 service · 1 worker',
  );
  for (const columns of [1, 2, 10, 40]) {
    expect(statusLine(before, now, columns).length).toBeLessThanOrEqual(Math.max(1, columns - 1));
  }
});
