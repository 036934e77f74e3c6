/** A batch whose bad records are not isolated: it is refused as a whole, and nothing is stored. */
import { describe, expect, it } from 'vitest';
import { BatchRefused } from '../../../consumer/store/index.js';
import { item, itemList, write } from './database.js';
import { poison, raise, storeWith, tries } from './poison.js';

const wholeOrNothing = { isWholeOrNothing: true };
const count = 'select count(*)::int as n from logs.records';

describe('a batch that is stored completely or not at all', () => {
  it('is refused immediately if a record is bad', async () => {
    const { store, sql } = await storeWith('');
    const refused = write(store, [...itemList(5), item({ message: '\0' })], wholeOrNothing);
    await expect(refused).rejects.toBeInstanceOf(BatchRefused);
    await expect(refused).rejects.toThrow(/invalid byte sequence/);
    expect(await sql(count)).toEqual([{ n: 0 }]);
  });

  it('is retried if the server may be the cause', async () => {
    const made = await storeWith(poison(`if nextval('logs.tries') < 3 then ${raise('57014')}; end if`));
    const outcome = await write(made.store, [...itemList(5), item({ message: 'poison' })], wholeOrNothing);
    expect(outcome).toEqual({ stored: 6, duplicates: 0, rejected: [] });
    expect(await tries(made)).toBe(3);
  });

  it('is refused after the third attempt', async () => {
    const made = await storeWith(poison(`perform nextval('logs.tries'); ${raise('P0001')}`));
    const refused = write(made.store, [...itemList(5), item({ message: 'poison' })], wholeOrNothing);
    await expect(refused).rejects.toBeInstanceOf(BatchRefused);
    expect(await tries(made)).toBe(3);
    expect(await made.sql(count)).toEqual([{ n: 0 }]);
  });

  it('is no longer refused once part of it is stored after lost connections', async () => {
    const { store, sql } = await storeWith(
      poison('perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(60)'),
    );
    const items = [item({ message: 'poison' }), ...itemList(40), item({ message: '\0' })];
    const outcome = await write(store, items, wholeOrNothing);
    expect(outcome.stored).toBe(40);
    expect(outcome.rejected.map(({ code }) => code).sort()).toEqual(['22021', '57P01']);
    expect(await sql(count)).toEqual([{ n: 40 }]);
  });
});
