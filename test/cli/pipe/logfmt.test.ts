import { expect, test } from 'vitest';
import { logfmtMembers } from '../../../cli/pipe/logfmt.js';

const fields = (line: string) => {
  const members = logfmtMembers(line);
  return members && Object.fromEntries([...members].map(([name, json]) => [name, JSON.parse(json)]));
};

test.each<[string, unknown]>([
  ['level=warn msg="too slow" ms=1200', { level: 'warn', msg: 'too slow', ms: 1200 }],
  ['  a=1 b=true c=null d= e=x,y ', { a: 1, b: true, c: null, d: '', e: 'x,y' }],
  ['a="with \\"quotes\\"\\nand \\\\" b="="', { a: 'with "quotes"\nand \\', b: '=' }],
  [
    'time=2026-01-31T10:30:45Z id=007 big=12345678901234567890 n=-1.5',
    { time: '2026-01-31T10:30:45Z', id: '007', big: '12345678901234567890', n: -1.5 },
  ],
  ['url=http://x/?a=b k=v', { url: 'http://x/?a=b', k: 'v' }],
  ['only=one', undefined],
  ['a sentence with a=1 and b=2', undefined],
  ['x = 1', undefined],
  ['a="open b=1', undefined],
  ['a=1 b=2 and more', undefined],
  ['', undefined],
  ['plain', undefined],
])('%j', (line, expected) => {
  expect(fields(line)).toEqual(expected);
});

test('keeps the name __proto__ as a field', () => {
  expect([...logfmtMembers('__proto__=1 b=2')!.keys()]).toEqual(['__proto__', 'b']);
});
