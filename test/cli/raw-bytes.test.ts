import { expect, test } from 'vitest';
import { readableBytes, textOf } from '../../cli/raw-bytes.js';

test('UTF-8 is shown as text with control characters escaped; no bytes are one empty line', () => {
  expect(readableBytes(Buffer.from('{"a":1}\r\n\tb €\x1b[2J\0'))).toEqual({
    kind: 'text',
    lines: ['{"a":1}', '\tb €\\x1b[2J\\x00'],
    left: 0,
  });
  expect(readableBytes(Buffer.alloc(0))).toEqual({ kind: 'text', lines: [''], left: 0 });
});

test('a long text is cut between characters', () => {
  const { lines, left } = readableBytes(Buffer.from(`a${'€'.repeat(30_000)}`));
  expect(lines[0]).toMatch(/^a€+$/);
  expect(Buffer.byteLength(lines[0]!) + left).toBe(90_001);
  expect(Buffer.byteLength(lines[0]!)).toBeGreaterThan(65_530);
});

test('other bytes are shown as a hex dump of their beginning', () => {
  const { kind, lines, left } = readableBytes(Buffer.concat([Buffer.from([0xff, 0x1b]), Buffer.alloc(5000, 'a')]));
  expect([kind, left, lines.length]).toEqual(['hex', 906, 256]);
  expect(lines[0]).toBe('00000000  ff 1b 61 61 61 61 61 61 61 61 61 61 61 61 61 61  |..aaaaaaaaaaaaaa|');
  expect(lines[1]).toMatch(/^00000010 {2}61 /);
});

test('only UTF-8 has a text', () => {
  expect(textOf(Buffer.from('é'))).toBe('é');
  expect(textOf(Buffer.from('é', 'latin1'))).toBeNull();
});
