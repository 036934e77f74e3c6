import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCsvRow } from '../../../cli/import/csv-row.js';

test.each<[string, string[]]>([
  ['', ['']],
  ['a', ['a']],
  ['a,b', ['a', 'b']],
  [',', ['', '']],
  ['a,', ['a', '']],
  ['"a,b",c', ['a,b', 'c']],
  ['"two\nlines"', ['two\nlines']],
  ['"say ""hi"""', ['say "hi"']],
  ['""', ['']],
  ['"""",""', ['"', '']],
  ['a "b" c, d ', ['a "b" c', ' d ']],
])('%j has the cells %j', (row, cells) => expect(parseCsvRow(row)).toEqual(cells));

test.each([
  ['"a', 'it is not csv: the quote of cell 1 is not closed'],
  ['a,"b""', 'it is not csv: the quote of cell 2 is not closed'],
  ['a,"b"c,d', 'it is not csv: text follows the quote of cell 2'],
])('%j is none', (row, reason) => expect(parseCsvRow(row)).toBe(reason));

test('cells that are quoted come back as they were', () => {
  const cell = fc.oneof(fc.string(), fc.stringMatching(/^[",\n ab]*$/));
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1 }), (cells) => {
      expect(parseCsvRow(cells.map((each) => `"${each.replaceAll('"', '""')}"`).join())).toEqual(cells);
    }),
  );
});

test('a long cell takes linear time and no stack', () => {
  const text = '""'.repeat(4_000_000);
  expect(parseCsvRow(`"${text}"`)).toEqual(['"'.repeat(4_000_000)]);
});
