import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRowSplitter } from '../../../cli/import/record-rows.js';

function rowsOf(text: string | Buffer, { isQuoted = false, pieces = 1000, maxBytes = 1000 } = {}) {
  const splitter = createRowSplitter(maxBytes, isQuoted);
  const bytes = Buffer.from(text);
  const rows = [];
  for (let at = 0; at < bytes.length; at += pieces) rows.push(...splitter.push(bytes.subarray(at, at + pieces)));
  return [...rows, ...splitter.end()].map(({ line, bytes: row }) => [line, row?.toString()]);
}

describe.each([1, 2, 3, 1000])('in pieces of %i bytes', (pieces) => {
  test('lines have their numbers; blank ones are left out', () => {
    expect(rowsOf('one\n\ntwo\r\n\r\nthree', { pieces })).toEqual([
      [1, 'one'],
      [3, 'two'],
      [5, 'three'],
    ]);
    expect(rowsOf('one\n', { pieces })).toEqual([[1, 'one']]);
    expect(rowsOf('', { pieces })).toEqual([]);
  });

  test('quotes keep the lines of a row of csv together', () => {
    expect(rowsOf('a,"b\n""c""\n"\nd,e\n"x\ny"', { pieces, isQuoted: true })).toEqual([
      [1, 'a,"b\n""c""\n"'],
      [4, 'd,e'],
      [5, '"x\ny"'],
    ]);
  });

  test('a byte order mark at the beginning is no part of the first row', () => {
    expect(rowsOf('\ufeffid\n\ufeffx', { pieces })).toEqual([
      [1, 'id'],
      [2, '\ufeffx'],
    ]);
  });

  test('a row that is too long is not kept, and the next one is found, whatever its quotes', () => {
    expect(rowsOf(`one\n${'x'.repeat(100)}\ntwo`, { pieces, maxBytes: 50 })).toEqual([
      [1, 'one'],
      [2, undefined],
      [3, 'two'],
    ]);
    const rows = rowsOf(`"${'x\n'.repeat(100)}\nlast`, { pieces: Math.min(pieces, 20), isQuoted: true, maxBytes: 50 });
    expect(rows.at(-1)?.[1]).toBe('last');
  });
});

test('all lines together are the file', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[^\n\r]*$/)), fc.integer({ min: 1, max: 9 }), (lines, pieces) => {
      const expected = lines.flatMap((line, at) => (line === '' ? [] : [[at + 1, line]]));
      fc.pre(!lines[0]?.startsWith('\ufeff'));
      expect(rowsOf(lines.join('\n'), { pieces })).toEqual(expected);
    }),
  );
});
