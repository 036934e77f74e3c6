import { expect, test } from 'vitest';
import { previewAlerts } from '../../../consumer/alerts/preview.js';
import { Simulation } from '../../../consumer/alerts/simulation.js';
import type { StoredRecord } from '../../../src/record.js';
import { useMailServer } from '../../support/use-mail-server.js';
import { eventually } from '../../support/wait.mjs';
import { item, testConfig, write } from '../store/database.js';
import { SETTINGS, useAlertLoop, useAlertStore } from './use-alerts.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const record = (agoMs: number, message = 'order 1 failed', level: 'ERROR' | 'CRITICAL' = 'ERROR'): StoredRecord => {
  const timestamp = new Date(NOW - agoMs).toISOString().replace('Z', '000Z');
  return { ...item().record, timestamp, message, level };
};

function simulated(records: StoredRecord[], policy: Partial<typeof SETTINGS> = {}): string[] {
  const simulation = new Simulation(SETTINGS.rules, { ...SETTINGS, ...policy });
  for (const one of records) simulation.add(one);
  simulation.advance(NOW);
  return simulation.notices.map(({ atMs, content }) => {
    const ago = (NOW - atMs) / MINUTE;
    if (content.kind === 'digest') return `${ago} digest ${content.groups.map(({ records: count }) => count).join()}`;
    return `${ago} ${content.group.isNew ? 'new ' : ''}${content.group.title} ${content.group.records}`;
  });
}

test('an error, further occurrences, and its return after a day and a week', () => {
  const records = [0, 1, 59, 61].map((minute) => record(20 * DAY - minute * MINUTE));
  records.push(record(18 * DAY), record(10 * DAY));
  expect(simulated(records).map((line) => line.replace(/^[\d.]+ /, ''))).toEqual([
    'new order <number> failed 1',
    'digest 2',
    'digest 1',
    'order <number> failed 1',
    'new order <number> failed 1',
  ]);
});

test('more kinds of errors than the hourly limit', () => {
  const records = ['a', 'b', 'c', 'd'].map((word, at) => record(3 * HOUR - at * MINUTE, word));
  expect(simulated(records, { maxPerHour: 2 }).map((line) => line.replace(/^[\d.]+ /, ''))).toEqual([
    'new a 1',
    'new b 1',
    'digest 1,1',
  ]);
});

test('the preview matches the notices that the consumer sent', async () => {
  const server = await useMailServer();
  const { store, database } = await useAlertStore();
  const error = { name: 'TypeError', message: 'x is undefined', stack: 'TypeError: x' };
  await write(store, [
    item({ level: 'ERROR', message: 'order 1 failed', information: JSON.stringify({ n: 1, error }) }),
    item({ level: 'ERROR', message: 'order 2 failed', information: JSON.stringify({ error, n: 2 }) }),
    item({ level: 'CRITICAL', message: 'fire', service: 'till' }),
    item({ level: 'WARNING', message: 'smoke' }),
  ]);
  const preview = await previewAlerts(SETTINGS, testConfig(database.url), Date.now() - HOUR, Date.now() + 2000);
  useAlertLoop(database.url, { mail: server.settings });
  await eventually(() => expect(server.mails).toHaveLength(2));
  const byName = (one: string, other: string) => (one < other ? -1 : 1);
  expect(preview.notices.map(({ subject }) => subject).sort(byName)).toEqual(
    server.mails.map(({ subject }) => subject).sort(byName),
  );
  expect(preview).toMatchObject({ errors: 3 });
  expect(preview.notices.reduce((sum, { records }) => sum + records, 0)).toBe(3);
  expect(await previewAlerts({ ...SETTINGS, rules: [] }, testConfig(database.url), Date.now() - HOUR)).toMatchObject({
    notices: [],
    errors: 3,
  });
});

test('all pages of records are read', async () => {
  const { store, database } = await useAlertStore();
  const at = (index: number) => new Date(Date.now() - HOUR + index).toISOString();
  const items = Array.from({ length: 2500 }, (_, index) =>
    item({ level: 'ERROR', timestamp: at(Math.floor(index / 500)) }),
  );
  await write(store, items);
  const { errors, notices } = await previewAlerts(
    SETTINGS,
    testConfig(database.url),
    Date.now() - 2 * HOUR,
    Date.now() + HOUR,
  );
  expect([errors, notices.reduce((sum, { records }) => sum + records, 0)]).toEqual([2500, 2500]);
});
