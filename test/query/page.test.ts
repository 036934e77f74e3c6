/** Pages of records that match a query, from a real table. */
import { expect, test } from 'vitest';
import { openRecordReader, parseQuery } from '../../query/index.js';
import { itemList, newStore, write } from '../consumer/store/database.js';
import { onEnd } from '../support/use-servers.js';

test('a page has the newest records that match, and cursors to both sides', async () => {
  const { store, url } = await newStore();
  const items = itemList(25, (n) => ({
    level: n % 2 === 0 ? 'ERROR' : 'INFO',
    timestamp: `2026-01-31T10:30:${String(n).padStart(2, '0')}.123456Z`,
    information: `{"order":{"id":${n}}}`,
  }));
  await write(store, items);
  const reader = openRecordReader({ databaseUrl: url });
  onEnd(() => reader.close());
  const query = parseQuery('level>=error service:shop message -order.id:24');
  const first = await reader.page(query, { limit: 5 });
  expect(first.records.map(({ information }) => JSON.parse(information).order.id)).toEqual([22, 20, 18, 16, 14]);
  expect(first.records[0]).toMatchObject({ timestamp: '2026-01-31T10:30:22.123456Z', level: 'ERROR', service: 'shop' });
  const second = await reader.page(query, { limit: 5, cursor: first.next });
  expect(second.records.map(({ information }) => JSON.parse(information).order.id)).toEqual([12, 10, 8, 6, 4]);
  const third = await reader.page(query, { limit: 5, cursor: second.next });
  expect(third.records).toHaveLength(2);
  expect(third.next).toBeUndefined();
  expect(await reader.page(query, { limit: 5, cursor: second.previous })).toEqual({
    ...first,
    previous: first.previous,
  });
});
