/** PostgreSQL and `matches` give the same answer to any query, and no text reaches SQL except as a value. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isInvalidQuery, matches, openRecordReader, parseQuery } from '../../query/index.js';
import type { StoredRecord } from '../../src/record.js';
import { newStore, write } from '../consumer/store/database.js';
import { onEnd } from '../support/use-servers.js';
import { randomQuery, randomRecord } from './random-records.js';

async function stored(records: readonly StoredRecord[]) {
  const made = await newStore();
  const items = records.map((record) => ({ record, raw: Buffer.from('') }));
  expect((await write(made.store, items)).rejected).toEqual([]);
  const reader = openRecordReader({ databaseUrl: made.url });
  onEnd(() => reader.close());
  return { ...made, reader };
}

function sorted(records: readonly StoredRecord[]): string[] {
  const key = ({ timestamp, id }: StoredRecord) => `${timestamp} ${id}`;
  return records.map(key).sort();
}

test('random queries find in the table what they find in memory', { timeout: 120_000 }, async () => {
  const records = fc.sample(randomRecord, { numRuns: 150, seed: 16 });
  const { reader } = await stored(records);
  // As PostgreSQL writes them: jsonb has another order of members, and one of several members of a name.
  const everything = await reader.page(parseQuery(''), { limit: 1000 });
  expect(everything.records).toHaveLength(records.length);
  let matching = 0;
  await fc.assert(
    fc.asyncProperty(randomQuery, async (text) => {
      const query = parseQuery(text);
      const page = await reader.page(query, { limit: 1000 });
      const inMemory = records.filter((record) => matches(query, record));
      expect(sorted(page.records)).toEqual(sorted(inMemory));
      expect(sorted(everything.records.filter((record) => matches(query, record)))).toEqual(sorted(inMemory));
      expect(await reader.count(query)).toBe(inMemory.length);
      if (inMemory.length > 0 && inMemory.length < records.length) matching += 1;
    }),
    { numRuns: 300 },
  );
  expect(matching).toBeGreaterThan(75);
});

test('hostile texts are searched for, or refused with a position, and change nothing', {
  timeout: 60_000,
}, async () => {
  const { reader, sql } = await stored(fc.sample(randomRecord, { numRuns: 20, seed: 1 }));
  const attempt = async (text: string) => {
    try {
      await reader.page(parseQuery(text), { limit: 10 });
    } catch (error) {
      if (!isInvalidQuery(error)) throw error;
    }
  };
  const attacks = [
    "'; drop table logs.records; --",
    '"\'; drop table logs.records; --"',
    'service:"\'; select pg_sleep(100); --"',
    '"x\'); drop table logs.records; --":1',
    '"$1":$1',
    'a:"\\u0000"',
    '"a\0":"b\0"',
    '"\ud800":"\udc00"',
    `n:${'9'.repeat(501)}`,
    `n>${'9'.repeat(400)}e99`,
    'n:1e999',
    `${'x'.repeat(5000)}:${'y'.repeat(4000)}`,
    '"%_\\"',
    '/\\\\/',
    '/[[:alpha:]]/',
    '/***=a/',
    '/(?:a|b){1,255}/',
    '/{1}/',
    'a:/"/',
  ];
  for (const text of attacks) await attempt(text);
  await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), attempt), { numRuns: 300 });
  expect(await sql('select count(*)::int as n from logs.records')).toEqual([{ n: 20 }]);
});
