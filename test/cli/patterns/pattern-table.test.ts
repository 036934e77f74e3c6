import { expect, test } from 'vitest';
import { patternTable, shareText } from '../../../cli/patterns/pattern-table.js';
import type { MessagePattern } from '../../../query/index.js';

const refused: MessagePattern = {
  shape: '0123456789abcdef',
  pattern: 'card <number> refused',
  service: 'till',
  level: 'ERROR',
  count: 5,
  first: '2026-01-31T10:30:45.123456Z',
  last: '2026-01-31T11:30:45.123456Z',
  query: 'service:till level:error /^card -?[\\d.,]+ refused$/',
};
const options = { color: false, columns: undefined, timeZone: 'UTC', records: 200 };
const nowMs = Date.parse('2026-02-01T12:00:00Z');
const linesOf = (patterns: readonly MessagePattern[], changes = {}) =>
  patternTable(patterns, { ...options, nowMs, ...changes }).split('\n');

test.each<[number, string]>([
  [1, '100%'],
  [0.48, '48%'],
  [0.0996, '10%'],
  [0.0123, '1.2%'],
  [0.001, '0.1%'],
  [0.0001, '<0.1%'],
])('a share of %d is %s', (share, text) => {
  expect(shareText(share)).toBe(text);
});

test('times of today are shown without the date, in the time zone', () => {
  const today = { nowMs: Date.parse('2026-01-31T12:00:00Z') };
  expect(linesOf([refused], today)[1]).toBe('    5   2.5%  ERROR  till     10:30:45  11:30:45  card <number> refused');
  expect(linesOf([refused], { ...today, timeZone: 'Asia/Tokyo' })[1]).toContain('19:30:45  20:30:45');
  expect(linesOf([refused])[1]).toContain('2026-01-31 10:30:45  2026-01-31 11:30:45');
  // One from before: all have the date.
  const older = { ...refused, first: '2026-01-30T10:30:45.123456Z' };
  expect(linesOf([refused, older], today)[1]).toContain('2026-01-31 10:30:45');
});

test('on a narrow terminal, patterns have lines of their own, cut to its width', () => {
  const long = { ...refused, pattern: `注文 <number> ${'was not placed '.repeat(8)}` };
  const lines = linesOf([refused, long], { columns: 80 });
  expect(lines.slice(0, 3)).toEqual([
    'COUNT  SHARE  LEVEL  SERVICE  FIRST                LAST',
    '    5   2.5%  ERROR  till     2026-01-31 10:30:45  2026-01-31 11:30:45',
    '    card <number> refused',
  ]);
  // Wide characters have two columns.
  expect(lines[4]).toBe(`    注文 <number> ${'was not placed '.repeat(8)}`.slice(0, 77).concat('…'));
  expect(linesOf([long], { columns: 120 })[1]).toMatch(/11:30:45 {2}注文 <number> was not placed was not placed.*…$/);
});

test('the command of each pattern is below it, and is never cut', () => {
  const commandOf = ({ query }: MessagePattern) => `loghive search '${query}'`;
  expect(linesOf([refused], { columns: 60, commandOf }).slice(2, 4)).toEqual([
    '    card <number> refused',
    "    loghive search 'service:till level:error /^card -?[\\d.,]+ refused$/'",
  ]);
});

test('what a record contains cannot control the terminal', () => {
  const hostile = { ...refused, pattern: 'a\x1b[2J\n', service: 'b\x9b1m' };
  expect(patternTable([hostile, { ...refused, pattern: '' }], options)).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  expect(linesOf([{ ...refused, pattern: '' }])[1]).toMatch(/\(no text\)$/);
});

test('no patterns are no table', () => {
  expect(patternTable([], options)).toBe('');
});
