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

test.each(['', 'service:shop order.id>=0', 'level:error', 'message order.id:0,1,2,3,4,5,6,7,8,9,10,11,12'])(
  'pages of a limited size have every record of %j once, and one record each if they are large',
  async (text) => {
    const { store, url } = await newStore();
    await write(
      store,
      itemList(40, (n) => ({
        level: 'ERROR',
        timestamp: `2026-01-31T10:30:${String(Math.floor(n / 3)).padStart(2, '0')}.123456Z`,
        message: `message ${'ü'.repeat(n % 7 === 0 ? 700 : 5)}`,
        information: `{"order":{"id":${n}}}`,
      })),
    );
    const reader = openRecordReader({ databaseUrl: url });
    onEnd(() => reader.close());
    const query = parseQuery(text);
    for (const order of ['oldest first', 'newest first'] as const) {
      const whole = await reader.page(query, { order });
      for (const maxBytes of [1, 1000, 3000]) {
        const found = [];
        let cursor: string | undefined;
        do {
          const page = await reader.page(query, { order, maxBytes, cursor });
          const sizes = page.records.map(({ message, information }) => Buffer.byteLength(message + information));
          expect(sizes.slice(0, -1).reduce((sum, size) => sum + size, 0)).toBeLessThan(maxBytes);
          found.push(...page.records);
          cursor = page.next;
        } while (cursor !== undefined);
        expect(found).toEqual(whole.records);
      }
    }
  },
);
