import { expect, it } from 'vitest';
import {
  boundsOf,
  datesOf,
  dayOf,
  daysAhead,
  daysInWindow,
  isCovered,
  partitionName,
} from '../../../consumer/store/partition-days.js';

const today = dayOf(Date.parse('2026-03-01T23:59:59.999Z'));
const seconds = (text: string) => Date.parse(text) / 1000;

it('counts days in UTC, also before 1970', () => {
  expect(dayOf(0)).toBe(0);
  expect(dayOf(-1)).toBe(-1);
  expect(dayOf(Date.parse('2026-03-01T00:00:00Z'))).toBe(today);
});

it('collects distinct dates of records', () => {
  const timestamps = ['2026-03-01T00:00:00.000000Z', '2026-03-01T23:59:59.999999Z', '2026-02-28T00:00:00.000000Z'];
  expect([...datesOf(timestamps.map((timestamp) => ({ timestamp })))]).toEqual(['2026-03-01', '2026-02-28']);
});

it('includes the last thirty days and the next seven', () => {
  const dates = ['2026-01-29', '2026-01-30', '2026-03-01', '2026-03-08', '2026-03-09', '0001-01-01', 'nonsense'];
  expect(daysInWindow(new Set(dates), today).map(partitionName)).toEqual([
    'records_20260130',
    'records_20260301',
    'records_20260308',
  ]);
});

it('creates today and a week ahead', () => {
  expect(daysAhead(today).map(partitionName)).toEqual(
    ['01', '02', '03', '04', '05', '06', '07', '08'].map((day) => `records_202603${day}`),
  );
});

it('bounds a day at midnight in UTC', () => {
  expect(boundsOf(today)).toEqual({ from: `'2026-03-01 00:00:00+00'`, to: `'2026-03-02 00:00:00+00'` });
});

it('accepts partitions of any length that cover the whole day', () => {
  const march = { from: seconds('2026-03-01T00:00:00Z'), to: seconds('2026-04-01T00:00:00Z') };
  const morning = { from: seconds('2026-03-01T00:00:00Z'), to: seconds('2026-03-01T12:00:00Z') };
  const past = { from: Number.NEGATIVE_INFINITY, to: seconds('2026-01-01T00:00:00Z') };
  expect(isCovered(today, [past, march])).toBe(true);
  expect(isCovered(today - 1, [march])).toBe(false);
  expect(isCovered(today, [morning])).toBe(false);
  expect(isCovered(0, [past])).toBe(true);
});
