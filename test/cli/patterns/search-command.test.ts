import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { searchCommandOf } from '../../../cli/patterns/search-command.js';

const first = '2026-01-31T10:30:45.987654Z';

test('the command searches from the second in which the pattern begins, with the options that it was found with', () => {
  expect(searchCommandOf({ query: 'service:shop', first }, {})).toBe(
    "loghive search 'service:shop' --since 2026-01-31T10:30:45Z",
  );
  const context = { until: '2026-02-01T00:00:00.000000Z', schema: 'my logs', timeZone: 'Europe/Berlin' };
  expect(searchCommandOf({ query: 'service:shop', first }, context)).toBe(
    "loghive search 'service:shop' --since 2026-01-31T10:30:45Z --until 2026-02-01T00:00:00.000000Z --schema 'my logs' --time-zone Europe/Berlin",
  );
});

test.each([`"it's" /^can.t$/`, '$HOME `id` $(id) \\ "x" !! *', 'line\nbreak'])(
  'a shell passes on the query unchanged: %j',
  (query) => {
    const command = searchCommandOf({ query, first }, {}).replace('loghive search', "printf '%s|'");
    expect(execFileSync('sh', ['-c', command], { encoding: 'utf8' })).toBe(`${query}|--since|2026-01-31T10:30:45Z|`);
  },
);
