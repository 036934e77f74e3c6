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
  ['odd', { level: 'INFO', name: 'odd' }],
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

test("a logger's own levels go before the usual ones, and take the level of the nearest by rank", () => {
  const own = createLevelReader({ audit: 35, chatter: 5, doom: 90, info: 31 });
  expect(own(35)).toEqual({ level: 'WARNING', name: 'audit' });
  expect(own('audit')).toEqual({ level: 'WARNING', name: 'audit' });
  expect(own(5)).toEqual({ level: 'DEBUG', name: 'chatter' });
  expect(own(90)).toEqual({ level: 'CRITICAL', name: 'doom' });
  expect(own(31)).toEqual({ level: 'INFO' });
  expect(own(40)).toEqual({ level: 'WARNING', name: 'warn' });
});
