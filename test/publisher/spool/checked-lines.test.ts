import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkedBytes, checkedLines, HEAD_BYTES, readLines } from '../../../src/publisher/spool/checked-lines.js';

const NOW_S = 1_769_855_445;
const segmentOf = (...bodies: string[]) =>
  Buffer.concat(bodies.map((body) => Buffer.from(checkedLines(Buffer.from(body), body.split('\n').length, NOW_S))));
const recordsIn = (chunk: Buffer, read = readLines(chunk, chunk.length)) =>
  read.lines.map(({ start, end }) => chunk.toString('utf8', start, end));

/** Lines of text without line feeds, as JSON has them. */
const line = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map((text) => JSON.stringify(text));

test('a segment gives back every line, with the time of its logging call', () => {
  const segment = segmentOf('{"a":1}\n{"ä":"€"}', '{"b":2}');
  expect(segment.length).toBe(checkedBytes(Buffer.byteLength('{"a":1}\n{"ä":"€"}'), 2) + checkedBytes(7, 1));
  expect(recordsIn(segment)).toEqual(['{"a":1}', '{"ä":"€"}', '{"b":2}']);
  expect(readLines(segment, segment.length).lines.map(({ madeAtS }) => madeAtS)).toEqual([NOW_S, NOW_S, NOW_S]);
});

test('a segment can be read in pieces of any size', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 200 }), (lines, size) => {
      const segment = segmentOf(...lines);
      const found: string[] = [];
      for (let at = 0, piece = size; at < segment.length; ) {
        const chunk = segment.subarray(at, at + piece);
        const read = readLines(chunk, segment.length - at);
        found.push(...recordsIn(chunk, read));
        expect(read.damaged).toBe(0);
        piece = read.consumed === 0 ? piece * 2 : size;
        at += read.consumed;
      }
      expect(found).toEqual(lines);
    }),
  );
});

test('a torn end costs the last record only, and is not counted as damage', () => {
  const segment = segmentOf('{"a":1}', '{"b":2}');
  for (let length = segment.length - 2; length > segment.length / 2; length--) {
    const torn = segment.subarray(0, length);
    expect(recordsIn(torn)).toEqual(['{"a":1}']);
    expect(readLines(torn, torn.length)).toMatchObject({ damaged: 0, consumed: length });
  }
  // Only the line feed is missing.
  expect(recordsIn(segment.subarray(0, -1))).toEqual(['{"a":1}', '{"b":2}']);
});

test('a damaged byte costs at most the record that it is in, and the line feed before it', () => {
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 3, maxLength: 12 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (lines, place, flip) => {
        const segment = segmentOf(...lines);
        const at = place % segment.length;
        segment[at]! ^= flip;
        const found = recordsIn(segment);
        const starts = lines.map((_, index) => segmentOf(...lines.slice(0, index)).length);
        const hit = starts.findLastIndex((start) => start <= at);
        const untouched = lines.filter((_, index) => index !== hit && index !== hit + 1);
        expect(untouched.every((text) => found.includes(text))).toBe(true);
        expect(found.every((text) => lines.includes(text))).toBe(true);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a length that points far beyond the segment is damage, not a reason to wait for more', () => {
  const segment = segmentOf('{"a":1}', '{"b":2}');
  segment.write('7fffffff', 0, 'latin1');
  expect(recordsIn(segment)).toEqual(['{"b":2}']);
  expect(readLines(segment, segment.length).damaged).toBe(1);
  expect(HEAD_BYTES).toBe(27);
});
