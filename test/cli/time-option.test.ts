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

test.each(['', 'yesterday', '2h ago', '-2h', '1.5h', '9999999d', '2026-02-30', '2026', '17'])(
  '%j is invalid',
  (text) => {
    expect(() => parseTime(text, now)).toThrow(Expected);
  },
);
