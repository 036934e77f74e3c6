import fs from 'node:fs';
import { expect, it } from 'vitest';
import { uniqueName, useDatabase } from '../../support/use-servers.js';
import { item, openClient, storeOn, urlAs, write, writeLetters } from './database.js';

/** The statements of the two blocks of docs/database-rights.md about two users, for roles and a database of this test. */
function documented(database: string, owner: string, consumer: string): [string, string] {
  const text = fs.readFileSync('docs/database-rights.md', 'utf8');
  const [, migrating, consuming] = [...text.matchAll(/```sql\n(.*?)```/gs)].map(([, sql]) =>
    sql!
      .replaceAll('loghive_owner', owner)
      .replaceAll('loghive_consumer', consumer)
      .replaceAll('database logs', `database ${database}`),
  );
  return [migrating!, consuming!];
}

async function useRoles() {
  const { url, name, query } = await useDatabase();
  const [owner, consumer] = [uniqueName('owner'), uniqueName('consumer')];
  const [migrating, consuming] = documented(name, owner, consumer);
  await query(migrating);
  expect(await storeOn(urlAs(url, owner, 'secret')).migrate()).not.toEqual([]);
  await query(consuming);
  const notices: string[] = [];
  const store = storeOn(urlAs(url, consumer, 'secret'), { notice: (text, level) => notices.push(`${level}: ${text}`) });
  return { store, query, notices, owner, consumer, url };
}

const letter = {
  raw: Buffer.from('{'),
  code: 'invalid',
  reason: 'it is not JSON',
  attempts: 1,
  queue: 'shop_info_logs',
  routingKey: 'shop.info',
  headers: {},
};

it('a consumer with the documented privileges stores records, dead letters and services, and warns once that it may not create partitions', async () => {
  const { store, query, notices } = await useRoles();
  expect(await store.migrate()).toEqual([]);
  await store.probe();
  expect(await write(store, [item(), item()])).toMatchObject({ stored: 2, rejected: [] });
  await writeLetters(store, [letter]);
  await writeLetters(store, [letter, { ...letter, raw: Buffer.from('[') }]);
  expect(await store.saveServices(['shop'])).toBeUndefined();
  expect(await store.services()).toEqual(['shop']);
  expect(await query('select raw, seen from logs.dead_letters order by raw')).toEqual([
    { raw: Buffer.from('['), seen: 1 },
    { raw: Buffer.from('{'), seen: 1 },
  ]);
  expect(notices).toEqual([
    expect.stringMatching(/^warning: partition .* cannot be created; the default partition stores/),
  ]);
});

it('a consumer that was granted the role of the owner creates partitions and counts dead letters', async () => {
  const { store, query, notices, owner, consumer, url } = await useRoles();
  await query(`grant ${owner} to ${consumer}`);
  await write(store, [item()]);
  await writeLetters(store, [letter]);
  await writeLetters(store, [letter]);
  expect(notices).toEqual([]);
  const admin = await openClient(url);
  const { rows } = await admin.query('select tableoid::regclass::text as partition from logs.records');
  expect(rows[0].partition).toMatch(/records_\d+/);
  expect(await query('select seen from logs.dead_letters')).toEqual([{ seen: 2 }]);
});
