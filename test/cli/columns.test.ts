import { expect, test } from 'vitest';
import { columns, secondsText, sizeText } from '../../cli/columns.js';
import { bar } from '../../cli/progress.js';

test('columns are aligned, numbers to the right, without trailing spaces', () => {
  expect(
    columns(
      [
        ['ID', 'NAME'],
        ['7', 'shop'],
        ['100', ''],
      ],
      new Set([0]),
    ),
  ).toEqual([' ID  NAME', '  7  shop', '100']);
  expect(columns([])).toEqual([]);
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1_572_864, '1.5 MiB'],
  [2 ** 50, '1024.0 TiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

test('a time is shown to the second', () => {
  expect(secondsText('2026-01-31T10:30:45.123456Z')).toBe('2026-01-31 10:30:45');
});

test('a progress bar never exceeds 100 %', () => {
  expect(bar('replaying', 500, 1000)).toBe('replaying [############------------]  50%  500 of 1000');
  expect(bar('replaying', 12, 10)).toBe('replaying [########################] 100%  12 of 10');
});
