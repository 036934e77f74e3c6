import { describe, expect, test } from 'vitest';
import { LocalOffsets } from '../../src/time/local-offset.js';

const HOUR = 3600;
const MINUTE = 60;
const DAY = 24 * HOUR;
const NOON = Date.parse('2026-01-31T12:00:00Z') / 1000;

function open() {
  const reports: string[] = [];
  const offsets = new LocalOffsets((sentence) => reports.push(sentence));
  /**
   * A record of a service whose clocks are at UTC + `hours`, published `lateS` seconds after it was created.
   *
   * @returns the offset that was inferred, in hours.
   */
  const offsetOf = (hours: number, lateS = 0, sentS = NOON, service = 'shop') => {
    const civilS = sentS - lateS + hours * HOUR;
    return (civilS - offsets.toUtc(service, civilS, sentS)) / HOUR;
  };
  return { offsetOf, reports };
}

describe('a record that was published on time', () => {
  test.each([-12, -9.5, -5, -3.5, 0, 1, 2, 5.5, 5.75, 8.75, 12.75, 14])(
    'has its offset inferred: %f hours',
    (hours) => {
      for (const lateS of [-1, 0, 1, 30, 60]) expect(open().offsetOf(hours, lateS)).toBe(hours);
    },
  );

  test('has its offset inferred regardless of remembered ones, as for processes in different zones', () => {
    const { offsetOf, reports } = open();
    for (const hours of [2, -5, 0, 5.75, 2, 1, 2, 1]) expect(offsetOf(hours, 1)).toBe(hours);
    expect(reports).toEqual([]);
  });
});

describe('a record that was published late', () => {
  test.each([
    ['8 minutes', 2, 8 * MINUTE],
    ['8 minutes', -3.5, 8 * MINUTE],
    ['15 minutes to the second', 2, 15 * MINUTE],
    ['45 minutes to the second', 2, 45 * MINUTE],
    ['50 minutes', 5.5, 50 * MINUTE],
    ['two hours and three minutes', 1, 123 * MINUTE],
    ['13 hours and a half', 2, 13.5 * HOUR],
    ['six days', -8, 6 * DAY + 8 * MINUTE],
  ])('by %s has the offset that its service showed last', (_, hours, lateS) => {
    const { offsetOf, reports } = open();
    offsetOf(hours, 0, NOON - MINUTE);
    expect(offsetOf(hours, lateS)).toBe(hours);
    expect(reports).toHaveLength(1);
  });

  test('among others, such as records buffered while the broker was unreachable, may also be late by whole hours', () => {
    const { offsetOf, reports } = open();
    expect(offsetOf(2)).toBe(2);
    for (let lateS = 190 * MINUTE; lateS >= 0; lateS -= 20) expect(offsetOf(2, lateS, NOON + HOUR)).toBe(2);
    expect(offsetOf(2, 0, NOON + 2 * HOUR)).toBe(2);
    expect(reports).toHaveLength(1);
  });

  test('does not use the offset of another service', () => {
    const { offsetOf } = open();
    offsetOf(6, 0, NOON, 'other');
    expect(offsetOf(6, 32 * MINUTE)).toBe(5.5);
  });

  test.each([
    ['8 minutes', 2, 8 * MINUTE, 2],
    ['8 minutes', 5.5, 8 * MINUTE, 5.5],
    ['50 minutes', -7, 50 * MINUTE, -7],
    ['65 minutes', 2, 65 * MINUTE, 1],
    ['two days', 2, 2 * DAY, 0],
  ])('by %s, of a service without a known offset, has the one with the least delay', (_, hours, lateS, taken) => {
    const { offsetOf, reports } = open();
    expect(offsetOf(hours, lateS)).toBe(taken);
    expect(reports).toHaveLength(1);
  });

  test('is superseded by later records that are on time', () => {
    const { offsetOf } = open();
    expect(offsetOf(2, 65 * MINUTE)).toBe(1);
    expect(offsetOf(2, 1)).toBe(2);
    expect(offsetOf(2, 65 * MINUTE)).toBe(2);
  });

  test('by more than a week, or newer than its message, does not use a remembered offset', () => {
    const { offsetOf } = open();
    offsetOf(2);
    expect(offsetOf(2, 8 * DAY)).toBe(0);
    expect(offsetOf(2, -10 * MINUTE)).toBe(3);
    expect(offsetOf(15)).toBe(0);
  });

  test('does not use an offset that was observed more than a week ago', () => {
    const { offsetOf } = open();
    offsetOf(6);
    expect(offsetOf(6, 32 * MINUTE, NOON + 6 * DAY)).toBe(6);
    expect(offsetOf(6, 32 * MINUTE, NOON + 8 * DAY)).toBe(5.5);
  });

  test('of a service with two offsets has the one with which it is less late', () => {
    const { offsetOf } = open();
    offsetOf(2);
    offsetOf(0);
    expect([offsetOf(0, 8 * MINUTE), offsetOf(2, 8 * MINUTE)]).toEqual([0, 2]);
  });

  test('of a service whose clocks were set forward an hour ago has the new one', () => {
    const { offsetOf } = open();
    offsetOf(1, 0, NOON);
    for (const minutes of [1, 30, 61]) offsetOf(2, 0, NOON + minutes * MINUTE);
    expect(offsetOf(2, 65 * MINUTE, NOON + 62 * MINUTE)).toBe(2);
  });

  test('is reported once for each service, with a solution', () => {
    const { offsetOf, reports } = open();
    offsetOf(-3.5);
    for (const lateS of [600, 1200, 3700]) offsetOf(-3.5, lateS);
    for (const lateS of [600, 600]) offsetOf(5.75, lateS, NOON, 'a "b"\n');
    expect(reports).toEqual([
      'service "shop" publishes late records whose times have no UTC offset: UTC-03:30, its last known offset, is assumed. Set PYTHON_TIMEZONE to its time zone to be sure',
      'service "a \\"b\\"\\n" publishes late records whose times have no UTC offset: UTC+05:45, the nearest possible offset, is assumed. Set PYTHON_TIMEZONE to its time zone to be sure',
    ]);
  });
});

test('at most a thousand services are remembered, whatever names are published', () => {
  const { offsetOf } = open();
  offsetOf(6);
  for (let n = 0; n < 1000; n++) offsetOf(0, 0, NOON, `service ${n}`);
  expect(offsetOf(6, 32 * MINUTE)).toBe(5.5);
});

test('a record with an id is decoded independently of others, so that every process stores it under the same key', () => {
  const late = 90 * MINUTE;
  const civilS = NOON - late + 2 * HOUR;
  const reports: string[] = [];
  const fresh = new LocalOffsets((sentence) => reports.push(sentence));
  const experienced = new LocalOffsets(() => {});
  experienced.toUtc('shop', NOON + 2 * HOUR, NOON);
  expect(experienced.toUtc('shop', civilS, NOON, true)).toBe(fresh.toUtc('shop', civilS, NOON, true));
  // Without an id, the remembered offset is the better guess.
  expect(experienced.toUtc('shop', civilS, NOON)).toBe(NOON - late);
  expect(reports).toHaveLength(1);
});
