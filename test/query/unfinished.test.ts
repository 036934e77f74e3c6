import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unfinishedPart } from '../../query/unfinished.js';

test.each([
  ['', ''],
  ['refu', 'refu'],
  ['order.', 'order.'],
  ['order."a b', 'order."a b'],
  ['level:error order.id:7 tot', 'tot'],
  ['level:error -hea', 'hea'],
  ['not hea', 'hea'],
  ['(level:error or (sh', 'sh'],
  ['(a)', ''],
  ['"two words" na', 'na'],
  ['"two wor', '"two wor'],
  ['"a \\" b" na', 'na'],
  ["it's", "it's"],
  ['order.id!', 'order.id!'],
  ['/a b\\/ c/i na', 'na'],
])('in %j, a name begins with %j', (query, typed) => {
  expect(unfinishedPart(query)).toEqual({ type: 'name', start: query.length - typed.length, typed });
});

test.each<[string, string, string, string, string[]]>([
  ['level:', 'level', ':', '', []],
  ['level>=w', 'level', '>=', 'w', []],
  ['level:>w', 'level', ':>', 'w', []],
  ['service!=sh', 'service', '!=', 'sh', []],
  ['-service:shop,ti', 'service', ':', 'ti', ['shop']],
  ['(a or service:shop,"a b",', 'service', ':', '', ['shop', '"a b"']],
  ['service:"a b', 'service', ':', '"a b', []],
  ['service:"a, (b', 'service', ':', '"a, (b', []],
  ['a "x y" order."my id">=5', 'order."my id"', '>=', '5', []],
])('in %j, a value of a field is typed', (query, field, operator, typed, others) => {
  expect(unfinishedPart(query)).toEqual({
    type: 'value',
    start: query.length - typed.length,
    ...{ typed, field, operator, others },
  });
});

test.each(['/a', '/a b', 'url:/a b', 'level:error /x', 'x:"a"b'])('%j cannot be completed', (query) => {
  expect(unfinishedPart(query)).toBeUndefined();
});

test('any text is read to its end', () => {
  const part = fc.constantFrom('"', '/', '\\', ' ', '(', ')', '-', ',', ':', '>=', '.', 'a', 'service', 'or');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const query = parts.join('');
      const found = unfinishedPart(query);
      if (found !== undefined) expect(query.slice(found.start)).toBe(found.typed);
    }),
    { numRuns: 2000 },
  );
});
