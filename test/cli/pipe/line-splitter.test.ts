import { expect, test } from 'vitest';
import { createLineSplitter } from '../../../cli/pipe/line-splitter.js';

const lines = (pieces: (string | Buffer)[], most?: number) => {
  const splitter = createLineSplitter(most);
  return [...pieces.flatMap((piece) => splitter.push(Buffer.from(piece as string))), ...splitter.end()];
};

test.each<[string[], string[]]>([
  [['a\nb\n'], ['a', 'b']],
  [['a\r\nb\r\n'], ['a', 'b']],
  [
    ['a', 'b\nc', '\n'],
    ['ab', 'c'],
  ],
  [
    ['a\r', '\nb'],
    ['a', 'b'],
  ],
  [['no end'], ['no end']],
  [['\n\n'], ['', '']],
  [[''], []],
  [['a\rb\n'], ['a\rb']],
])('%j is split into %j', (pieces, expected) => {
  expect(lines(pieces)).toEqual(expected);
});

test('a character may be split across chunks', () => {
  const bytes = Buffer.from('grün 😀\n');
  expect(lines([...bytes].map((byte) => Buffer.of(byte)))).toEqual(['grün 😀']);
});

test('invalid UTF-8 is replaced and ends no line', () => {
  expect(lines([Buffer.from([0x61, 0xff, 0x62, 0x0a, 0xe2])])).toEqual(['a\ufffdb', '\ufffd']);
});

test('an endless line is split', () => {
  expect(lines(['aaaa', 'bbbb', 'cc\nd'], 6)).toEqual(['aaaabbbb', 'cc', 'd']);
});
