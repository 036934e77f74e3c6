import { describe, expect, test } from 'vitest';
import { isTimeZone, zoneSeconds } from '../../src/time/time-zone.js';

const utc = (text: string) => Date.parse(`${text}Z`) / 1000;
const inZone = (text: string, zone: string, near?: string) => {
  const seconds = zoneSeconds(utc(text), zone, near === undefined ? undefined : utc(near));
  return seconds === undefined ? undefined : new Date(seconds * 1000).toISOString().slice(0, 19);
};

describe('local time in a zone', () => {
  test('follows its rules in summer and winter', () => {
    expect(inZone('2026-01-31T12:00:00', 'Europe/Berlin')).toBe('2026-01-31T11:00:00');
    expect(inZone('2026-07-31T12:00:00', 'Europe/Berlin')).toBe('2026-07-31T10:00:00');
    expect(inZone('2026-07-31T12:00:00', 'Australia/Lord_Howe')).toBe('2026-07-31T01:30:00');
    expect(inZone('2026-07-31T12:00:00', 'UTC')).toBe('2026-07-31T12:00:00');
    expect(inZone('1950-01-01T12:00:00', 'Africa/Monrovia')).toBe('1950-01-01T12:44:30');
  });

  test('that occurs twice is the first, or the one nearer to the given time', () => {
    expect(inZone('2026-10-25T02:30:00', 'Europe/Berlin')).toBe('2026-10-25T00:30:00');
    expect(inZone('2026-10-25T02:30:00', 'Europe/Berlin', '2026-10-25T00:31:00')).toBe('2026-10-25T00:30:00');
    expect(inZone('2026-10-25T02:30:00', 'Europe/Berlin', '2026-10-25T01:31:00')).toBe('2026-10-25T01:30:00');
  });

  test('that is skipped uses the previous offset', () => {
    expect(inZone('2026-03-29T02:30:00', 'Europe/Berlin')).toBe('2026-03-29T01:30:00');
    expect(inZone('2026-03-29T01:59:59', 'Europe/Berlin')).toBe('2026-03-29T00:59:59');
    expect(inZone('2026-03-29T03:00:00', 'Europe/Berlin')).toBe('2026-03-29T01:00:00');
  });

  test('agrees with the system for every hour of a year', () => {
    const zone = 'America/St_Johns';
    const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
    for (let seconds = utc('2026-01-01T00:00:00'); seconds < utc('2027-01-01T00:00:00'); seconds += 3600) {
      const civil = utc(format.format(seconds * 1000).replace(' ', 'T'));
      expect(zoneSeconds(civil, zone, seconds)).toBe(seconds);
    }
  });
});

describe('zone names', () => {
  test('are known or not', () => {
    expect(isTimeZone('Europe/Berlin')).toBe(true);
    expect(isTimeZone('UTC')).toBe(true);
    for (const name of ['Mars/Olympus', '', 'Berlin']) expect(isTimeZone(name)).toBe(false);
    expect(zoneSeconds(0, 'Mars/Olympus')).toBeUndefined();
  });
});
