import { expect, test } from 'vitest';
import { createLevelReader } from '../../src/line/written-level.js';

const read = createLevelReader();

test.each<[unknown, unknown]>([
  [10, { level: 'DEBUG', name: 'trace' }],
  [20, { level: 'DEBUG' }],
  [30, { level: 'INFO' }],
  [40, { level: 'WARNING', name: 'warn' }],
  [50, { level: 'ERROR' }],
  [60, { level: 'CRITICAL', name: 'fatal' }],
  ['30', { level: 'INFO' }],
  ['INFO', { level: 'INFO' }],
  ['warn', { level: 'WARNING', name: 'warn' }],
  ['\x1b[33mwarn\x1b[39m', { level: 'WARNING', name: 'warn' }],
  ['odd', { level: 'INFO', name: 'odd', isUnknown: true }],
  ['[ERROR]', { level: 'ERROR' }],
  ['EMERGENCY', { level: 'CRITICAL', name: 'EMERGENCY' }],
  [35, { level: 'WARNING', name: '35' }],
  [32, { level: 'INFO', name: '32' }],
  [0, { level: 'DEBUG', name: '0' }],
  [1000, { level: 'CRITICAL', name: '1000' }],
  [30.5, { level: 'INFO', name: '30.5' }],
  [undefined, undefined],
  [null, undefined],
  ['', undefined],
  [true, undefined],
])('%j is %j', (written, expected) => {
  expect(read(written)).toEqual(expected);
});

test("a logger's own levels take precedence over the standard ones, and map to the nearest level by rank", () => {
  const usual = { trace: 10, debug: 20, info: 31, warn: 40, error: 50, fatal: 60 };
  const own = createLevelReader({ ...usual, audit: 35, chatter: 5, doom: 90 });
  expect(own(35)).toEqual({ level: 'WARNING', name: 'audit' });
  expect(own('audit')).toEqual({ level: 'WARNING', name: 'audit' });
  expect(own(5)).toEqual({ level: 'DEBUG', name: 'chatter' });
  expect(own(90)).toEqual({ level: 'CRITICAL', name: 'doom' });
  expect(own(31)).toEqual({ level: 'INFO' });
  expect(own(40)).toEqual({ level: 'WARNING', name: 'warn' });
});

test('if a logger only has custom levels with unknown names, they are mapped by rank', () => {
  const only = createLevelReader({ low: 1, mid: 2, high: 3, doom: 4 });
  expect([1, 2, 3, 4].map((number) => only(number))).toEqual([
    { level: 'DEBUG', name: 'low' },
    { level: 'INFO', name: 'mid' },
    { level: 'ERROR', name: 'high' },
    { level: 'CRITICAL', name: 'doom' },
  ]);
  expect(only('HIGH')).toEqual({ level: 'ERROR', name: 'high' });
});

test("syslog's numbers are recognized in its severity field", () => {
  expect([0, 3, 4, 6, 7].map((number) => read(number, 'severity')?.level)).toEqual([
    'CRITICAL',
    'ERROR',
    'WARNING',
    'INFO',
    'DEBUG',
  ]);
  expect(read(50, 'severity')).toEqual({ level: 'ERROR' });
  expect(read(3, 'level')?.level).toBe('DEBUG');
});
