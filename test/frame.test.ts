import { describe, expect, test } from 'vitest';
import { decodeLine, LineCursor, writeLine } from '../src/frame.js';

function linesOf(body: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (const lines = new LineCursor(body); lines.next(); ) found.push(body.subarray(lines.start, lines.end));
  return found;
}

const texts = (body: Buffer | string) => linesOf(Buffer.from(body)).map((line) => line.toString());

describe('a frame', () => {
  test('returns the lines that it was made of', () => {
    const lines = ['{"a":1}', '{"b":"ü€😀"}', '{"c":"\\n"}'];
    const body = Buffer.alloc(1000);
    let filled = 0;
    for (const line of lines) filled = writeLine(body, filled, line, Buffer.byteLength(line));
    expect(body.toString('utf8', 0, filled)).toBe(lines.join('\n'));
    expect(texts(body.subarray(0, filled))).toEqual(lines);
  });

  test('ends its lines with either line break, or none at the end', () => {
    expect(texts('one\ntwo\r\nthree')).toEqual(['one', 'two', 'three']);
    expect(texts('one\ntwo\r\n')).toEqual(['one', 'two']);
  });

  test('has no blank lines', () => {
    expect(texts('\n\r\n  \t\none\n\n\n two\n \n')).toEqual(['one', ' two']);
    expect(texts('')).toEqual([]);
    expect(texts('\n')).toEqual([]);
    expect(texts(Buffer.alloc(16 * 1024 * 1024, ' \n\r\t'))).toEqual([]);
  });

  test('may start with a byte order mark, as may every line', () => {
    expect(texts('\ufeff{"a":1}\r\n{"b":2}')).toEqual(['{"a":1}', '{"b":2}']);
    expect(texts('\ufeff\n{"a":1}')).toEqual(['{"a":1}']);
    expect(decodeLine(Buffer.from('\ufeff{"ü":1}'))).toEqual({ ok: true, line: '{"ü":1}' });
  });

  test('iterates over its lines lazily', () => {
    const lines = new LineCursor(Buffer.alloc(64 * 1024 * 1024, '1\n'));
    expect(lines.next()).toBe(true);
    expect(lines).toMatchObject({ start: 0, end: 1 });
  });

  test('returns its lines as positions in its body, without copying', () => {
    const lines = new LineCursor(Buffer.from('one\r\ntwo'));
    lines.next();
    lines.next();
    expect(lines).toMatchObject({ start: 5, end: 8 });
  });

  test('confines damaged text to its line', () => {
    const lines = linesOf(Buffer.concat([Buffer.from('good\n'), Buffer.from([0xe2, 0x82]), Buffer.from('\nfine')]));
    expect(lines.map((line) => decodeLine(line).ok)).toEqual([true, false, true]);
  });
});

describe('a line', () => {
  test('is text', () => {
    for (const line of ['', 'plain', 'grün', '日本', '😀', 'a\ufeff', 'tab\tand \u0000']) {
      expect(decodeLine(Buffer.from(line))).toEqual({ ok: true, line });
    }
  });

  test.each([
    ['a lone continuation byte', [0x61, 0x80]],
    ['a truncated character', [0xe2, 0x82]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['Latin-1', [0x67, 0x72, 0xfc, 0x6e]],
    ['a code point past the last one', [0xf5, 0x80, 0x80, 0x80]],
  ])('is refused if it contains %s', (_, bytes) => {
    expect(decodeLine(Buffer.from(bytes))).toEqual({ ok: false, reason: 'it is not valid UTF-8' });
  });
});
