import { expect, test } from 'vitest';
import { noticesOf } from '../../../cli/patterns/notices.js';
import type { PatternPlan } from '../../../cli/patterns/pattern-options.js';
import type { MessagePattern, Patterns } from '../../../query/index.js';

const plan: PatternPlan = {
  reading: { since: '2026-01-31T10:00:00.000000Z', newOnly: { comparedSince: '2026-01-24T10:00:00.000000Z' } },
  limit: undefined,
  commands: false,
  pager: true,
};
const all = { records: 7, end: 'all', readTo: undefined } as const;
const part = { records: 1000, readTo: '2026-01-31T09:00:00.123456Z' };
const found: Patterns = {
  patterns: [{} as MessagePattern],
  reading: all,
  comparison: undefined,
  ungrouped: 0,
};
const notices = (changes: Partial<Patterns>, format: 'pretty' | 'ndjson' = 'pretty') =>
  noticesOf({ ...found, ...changes }, plan, format, 'UTC');

test('a complete list needs none', () => {
  expect(notices({})).toEqual([]);
});

test('what makes a list incomplete is said in every format', () => {
  for (const format of ['pretty', 'ndjson'] as const) {
    expect(notices({ reading: { ...part, end: 'records' } }, format)).toEqual([
      'only the newest records were read: 1000 records, back to 2026-01-31 09:00:00. --max-records reads more.',
    ]);
    expect(notices({ reading: { ...part, end: 'time' } }, format)).toEqual([
      'only a part was read: 1000 records, back to 2026-01-31 09:00:00. --timeout gives it more time.',
    ]);
    expect(notices({ reading: { records: 0, readTo: undefined, end: 'stopped' } }, format)).toEqual([
      'only a part was read: none. Interrupted.',
    ]);
    expect(notices({ ungrouped: 12 }, format)).toEqual([
      '12 records belong to further patterns: the first 1 are kept. Add a service or a level to the query.',
    ]);
    expect(notices({ comparison: { ...part, end: 'time', known: 3 } }, format)).toEqual([
      'compared with only a part of the records before 2026-01-31 10:00:00: 1000 records, back to 2026-01-31 09:00:00. What last occurred before that may be shown as new. --timeout gives it more time.',
    ]);
  }
});

test('what it was compared with, and that there is nothing, is said to people', () => {
  const comparison = { ...all, known: 1 };
  expect(notices({ comparison })).toEqual([
    'compared with the records before 2026-01-31 10:00:00, back to 2026-01-24 10:00:00: 1 other pattern occurred there.',
  ]);
  expect(notices({ comparison, patterns: [] })[0]).toBe('nothing new.');
  expect(notices({ patterns: [] })).toEqual(['no records match.']);
  expect(notices({ comparison, patterns: [] }, 'ndjson')).toEqual([]);
});
