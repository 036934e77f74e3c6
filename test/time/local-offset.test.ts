import { describe, expect, test } from 'vitest';
import { LocalOffsets } from '../../src/time/local-offset.js';
import { zoneOffset } from '../../src/time/time-zone.js';

const HOUR = 3600;
const MINUTE = 60;
const DAY = 24 * HOUR;
const at = (text: string) => Date.parse(`${text}Z`) / 1000;
const NOON = at('2026-01-31T12:00:00');

function open() {
  const reports: string[] = [];
  const offsets = new LocalOffsets((sentence) => reports.push(sentence));
  /**
   * A record of a service whose clocks show UTC + `offsetS`, published `lateS` after it was made.
   *
   * @returns the offset that it was taken to have.
   */
  const offsetOf = (offsetS: number, lateS = 0, sentS = NOON, service = 'shop') => {
    const civilS = sentS - lateS + offsetS;
    return civilS - offsets.toUtc(service, civilS, sentS);
  };
  return { offsetOf, reports };
}

/** When the clocks of a zone are changed. */
function changesOf(zone: string, fromS: number, toS: number) {
  const offsetAt = (timeS: number) => zoneOffset(zone, timeS) as number;
  const changes: { changeS: number; from: number; to: number }[] = [];
  for (let dayS = fromS; dayS < toS; dayS += 5 * DAY) {
    let [before, after] = [dayS, dayS + 5 * DAY];
    if (offsetAt(before) === offsetAt(after)) continue;
    while (after - before > 15 * MINUTE) {
      const middle = before + Math.round((after - before) / 2 / (15 * MINUTE)) * 15 * MINUTE;
      if (offsetAt(middle) === offsetAt(dayS)) before = middle;
      else after = middle;
    }
    changes.push({ changeS: after, from: offsetAt(before), to: offsetAt(after) });
  }
  return changes;
}

describe('a record that was published at once', () => {
  test.each([-12, -9.5, -5, -3.5, 0, 1, 2, 5.5, 5.75, 8.75, 12.75, 14])('tells the offset: %f hours', (hours) => {
    for (const lateS of [0, 1, 30, 119]) expect(open().offsetOf(hours * HOUR, lateS)).toBe(hours * HOUR);
  });

  test('may be a little newer than its message', () => {
    expect(open().offsetOf(2 * HOUR, -1)).toBe(2 * HOUR);
    expect(open().offsetOf(2 * HOUR, -100)).toBe(2 * HOUR);
  });

  test('is nothing to report', () => {
    const { offsetOf, reports } = open();
    for (const hours of [-5, 2, 2, 3]) offsetOf(hours * HOUR);
    expect(reports).toEqual([]);
  });
});

describe('a record that was published late', () => {
  test.each([
    ['8 minutes', 2, 8 * MINUTE],
    ['15 minutes', 2, 15 * MINUTE],
    ['15 minutes, which looks like Nepal', 6, 15 * MINUTE],
    ['half an hour, which looks like India', 6, 30 * MINUTE],
    ['58 minutes', 1, 58 * MINUTE],
    ['an hour to the second', 2, HOUR],
    ['three hours to the second, in the west', -5, 3 * HOUR],
    ['13 hours', 2, 13 * HOUR],
    ['six days', -8, 6 * DAY],
  ])('by %s has the offset that its service showed last', (_, hours, lateS) => {
    const { offsetOf, reports } = open();
    offsetOf(hours * HOUR, 0, NOON - MINUTE);
    expect(offsetOf(hours * HOUR, lateS)).toBe(hours * HOUR);
    expect(reports).toHaveLength(1);
  });

  test('does not take what another service showed', () => {
    const { offsetOf } = open();
    offsetOf(6 * HOUR, 0, NOON, 'other');
    expect(offsetOf(6 * HOUR, 30 * MINUTE)).toBe(5.5 * HOUR);
  });

  test.each([
    ['8 minutes', 2, 8 * MINUTE, 2],
    ['8 minutes', 5.5, 8 * MINUTE, 5.5],
    ['50 minutes', -7, 50 * MINUTE, -7],
    ['65 minutes', 2, 65 * MINUTE, 1],
    ['two days', 2, 2 * DAY, 0],
  ])('by %s, of a service that showed none, has the one by which it is least late: %f', (_, hours, lateS, taken) => {
    const { offsetOf, reports } = open();
    expect(offsetOf(hours * HOUR, lateS)).toBe(taken * HOUR);
    expect(reports).toHaveLength(1);
  });

  test('is not the last word: what is on time afterwards tells', () => {
    const { offsetOf } = open();
    expect(offsetOf(2 * HOUR, 65 * MINUTE)).toBe(HOUR);
    expect(offsetOf(2 * HOUR, 1)).toBe(2 * HOUR);
    expect(offsetOf(2 * HOUR, 65 * MINUTE)).toBe(2 * HOUR);
  });

  test('by more than a week, or newer than its message, has none that was shown', () => {
    const { offsetOf } = open();
    offsetOf(2 * HOUR);
    expect(offsetOf(2 * HOUR, 8 * DAY)).toBe(0);
    expect(offsetOf(2 * HOUR, -10 * MINUTE)).toBe(3 * HOUR);
    expect(offsetOf(20 * HOUR, 10 * MINUTE)).toBe(0);
  });

  test('is reported once for each service, with the remedy', () => {
    const { offsetOf, reports } = open();
    offsetOf(-3.5 * HOUR);
    for (const lateS of [600, 1200, 3600]) offsetOf(-3.5 * HOUR, lateS);
    offsetOf(5.75 * HOUR, 600, NOON, 'a "b"\n');
    offsetOf(5.75 * HOUR, 600, NOON, 'a "b"\n');
    expect(reports).toEqual([
      'service "shop" publishes its records late, with times that do not say their offset: the last one that it showed, UTC-03:30, is taken. Set PYTHON_TIMEZONE to its time zone to be sure',
      'service "a \\"b\\"\\n" publishes its records late, with times that do not say their offset: the nearest one, UTC+05:45, is taken. Set PYTHON_TIMEZONE to its time zone to be sure',
    ]);
  });
});

describe('a service whose records show another offset', () => {
  test('further east has that at once, for a record is never newer than its message', () => {
    const { offsetOf, reports } = open();
    offsetOf(0);
    expect(offsetOf(2 * HOUR, 0, NOON + 1)).toBe(2 * HOUR);
    expect(reports).toEqual([]);
  });

  test.each([
    ['Europe/Berlin', '2026-10-25T01:00:00'],
    ['Europe/London', '2026-10-25T01:00:00'],
    ['America/New_York', '2026-11-01T06:00:00'],
    ['America/St_Johns', '2026-11-01T04:30:00'],
    ['Australia/Lord_Howe', '2026-04-04T15:00:00'],
    ['Pacific/Auckland', '2026-04-04T14:00:00'],
    ['Antarctica/Troll', '2026-10-25T01:00:00'],
  ])('because the clocks are set back has that at once, and late ones with it: %s', (zone, change) => {
    const { offsetOf, reports } = open();
    const changeS = at(change);
    const offsetAt = (timeS: number) => zoneOffset(zone, timeS) as number;
    for (const sentS of [changeS - HOUR, changeS - 1, changeS, changeS + 1, changeS + 8 * HOUR]) {
      expect(offsetOf(offsetAt(sentS), 0, sentS)).toBe(offsetAt(sentS));
    }
    expect(offsetAt(changeS)).toBeLessThan(offsetAt(changeS - 1));
    expect(offsetOf(offsetAt(changeS), HOUR, changeS + 9 * HOUR)).toBe(offsetAt(changeS));
    expect(reports).toHaveLength(1);
  });

  test('because the clocks are set back anywhere on earth has that at once', () => {
    const begin = at('2025-01-01T00:00:00');
    const missed = Intl.supportedValuesOf('timeZone').filter((zone) =>
      changesOf(zone, begin, begin + 365 * DAY).some(({ changeS, from, to }) => {
        const { offsetOf } = open();
        offsetOf(from, 0, changeS - 1);
        return offsetOf(to, 0, changeS) !== to;
      }),
    );
    expect(missed).toEqual([]);
  });

  test('because they are set forward has that at once, and does not fall back for a record that is late by an hour', () => {
    const { offsetOf } = open();
    const changeS = at('2026-03-29T01:00:00');
    expect(offsetOf(HOUR, 0, changeS - 1)).toBe(HOUR);
    expect(offsetOf(2 * HOUR, 0, changeS)).toBe(2 * HOUR);
    expect(offsetOf(2 * HOUR, HOUR, changeS + 2 * HOUR)).toBe(2 * HOUR);
  });

  test('and was silent since before the clocks were set back has the new one', () => {
    const { offsetOf } = open();
    offsetOf(2 * HOUR, 0, at('2026-10-23T12:00:00'));
    expect(offsetOf(HOUR, 0, at('2026-10-26T12:00:00'))).toBe(HOUR);
  });

  test('is read from two queues, one of which is behind the change of the clocks and one before it', () => {
    const { offsetOf } = open();
    const changeS = at('2026-10-25T01:00:00');
    for (let n = 1; n < 5; n++) {
      expect(offsetOf(HOUR, 0, changeS + n)).toBe(HOUR);
      expect(offsetOf(2 * HOUR, 0, changeS - HOUR + n)).toBe(2 * HOUR);
    }
  });

  test('at another time of the year is late by an hour, until that has been so for a quarter of an hour', () => {
    const { offsetOf, reports } = open();
    offsetOf(2 * HOUR);
    for (const minutes of [1, 2, 14]) expect(offsetOf(0, 0, NOON + minutes * MINUTE)).toBe(2 * HOUR);
    expect(offsetOf(0, 0, NOON + 16 * MINUTE)).toBe(0);
    expect(offsetOf(0, 0, NOON + 17 * MINUTE)).toBe(0);
    expect(reports).toHaveLength(1);
  });

  test('and records rarely has moved when all that come show it', () => {
    const { offsetOf } = open();
    for (let day = 0; day < 3; day++) expect(offsetOf(2 * HOUR, 0, NOON + day * DAY)).toBe(2 * HOUR);
    expect(offsetOf(0, 0, NOON + 3 * DAY)).toBe(2 * HOUR);
    expect(offsetOf(0, 0, NOON + 4 * DAY)).toBe(0);
  });

  test('in a part of its processes, the other one in others, has both after a quarter of an hour', () => {
    const { offsetOf } = open();
    for (let minute = 0; minute < 15; minute++) {
      expect(offsetOf(2 * HOUR, 0, NOON + minute * MINUTE)).toBe(2 * HOUR);
      expect(offsetOf(0, 0, NOON + minute * MINUTE)).toBe(2 * HOUR);
    }
    expect(offsetOf(0, 0, NOON + 15 * MINUTE)).toBe(0);
    expect(offsetOf(2 * HOUR, 0, NOON + 16 * MINUTE)).toBe(2 * HOUR);
  });

  test('because its processes run in different zones has both', () => {
    const { offsetOf } = open();
    for (let n = 0; n < 5; n++) {
      expect(offsetOf(0, 1, NOON + n)).toBe(0);
      expect(offsetOf(2 * HOUR, 1, NOON + n)).toBe(2 * HOUR);
    }
    expect(offsetOf(0, 7 * MINUTE, NOON + 10)).toBe(0);
    expect(offsetOf(2 * HOUR, 7 * MINUTE, NOON + 10)).toBe(2 * HOUR);
  });

  test('that came late by whole hours now and then has not moved', () => {
    const { offsetOf } = open();
    for (let hour = 0; hour < 6; hour++) {
      expect(offsetOf(2 * HOUR, 0, NOON + hour * HOUR)).toBe(2 * HOUR);
      expect(offsetOf(2 * HOUR, HOUR, NOON + hour * HOUR)).toBe(2 * HOUR);
    }
  });
});

test('no more is remembered than a thousand services, whatever names are published', () => {
  const { offsetOf } = open();
  offsetOf(6 * HOUR);
  for (let n = 0; n < 1000; n++) offsetOf(0, 0, NOON, `service ${n}`);
  expect(offsetOf(6 * HOUR, 30 * MINUTE)).toBe(5.5 * HOUR);
});
