import { expect, test } from 'vitest';
import { parseTime } from '../../cli/time-option.js';
import { Expected } from '../../src/settings/option.js';

const now = Date.parse('2026-03-01T12:00:00Z');

test.each([
  ['30s', '2026-03-01T11:59:30.000000Z'],
  ['90m', '2026-03-01T10:30:00.000000Z'],
  ['2h', '2026-03-01T10:00:00.000000Z'],
  ['1d', '2026-02-28T12:00:00.000000Z'],
  ['1w', '2026-02-22T12:00:00.000000Z'],
  ['0s', '2026-03-01T12:00:00.000000Z'],
  [' 2026-01-31 ', '2026-01-31T00:00:00.000000Z'],
  ['2026-01-31T10:30', '2026-01-31T10:30:00.000000Z'],
  ['2026-01-31 10:30:45.123456', '2026-01-31T10:30:45.123456Z'],
  ['2026-01-31T10:30+02:00', '2026-01-31T08:30:00.000000Z'],
])('%j is %s', (text, moment) => {
  expect(parseTime(text, now)).toBe(moment);
});

test.each([
  ['UTC', 'today', '2026-03-01T00:00:00.000000Z'],
  ['UTC', 'Yesterday', '2026-02-28T00:00:00.000000Z'],
  ['UTC', '09:15', '2026-03-01T09:15:00.000000Z'],
  ['Europe/Berlin', 'today', '2026-02-28T23:00:00.000000Z'],
  ['Europe/Berlin', '2026-01-31T10:30', '2026-01-31T09:30:00.000000Z'],
  ['Europe/Berlin', '2026-07-31', '2026-07-30T22:00:00.000000Z'],
  ['Europe/Berlin', '10:30:15.5', '2026-03-01T09:30:15.500000Z'],
  ['Europe/Berlin', '2026-01-31T10:30Z', '2026-01-31T10:30:00.000000Z'],
  ['Pacific/Kiritimati', 'today', '2026-03-01T10:00:00.000000Z'],
  ['Pacific/Kiritimati', 'yesterday', '2026-02-28T10:00:00.000000Z'],
  ['America/Los_Angeles', '1d', '2026-02-28T12:00:00.000000Z'],
])('in %s, %j is %s', (timeZone, text, moment) => {
  expect(parseTime(text, now, timeZone)).toBe(moment);
});

test.each(['', 'tomorrow', '25:00', '2h ago', '-2h', '1.5h', '9999999d', '2026-02-30', '2026', '17'])(
  '%j is invalid',
  (text) => {
    expect(() => parseTime(text, now)).toThrow(Expected);
  },
);
