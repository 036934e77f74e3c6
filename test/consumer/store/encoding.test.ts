import { expect, inject, test } from 'vitest';
import type { DatabaseSession } from '../../../consumer/store/connect.js';
import { actionFor } from '../../../consumer/store/error-action.js';
import { recordsTable } from '../../../consumer/store/records-table.js';
import { administer } from '../../support/postgres-admin.mjs';
import { onEnd, uniqueName } from '../../support/use-servers.js';
import { item, storeOn, write, writeLetters } from './database.js';

/** A migrated database of another encoding than UTF8. */
async function useEncoding(encoding: string) {
  const admin = administer(inject('postgres'));
  const name = uniqueName('db');
  onEnd(() => admin.dropDatabase(name));
  await admin.query(`create database ${name} template template0 encoding '${encoding}' locale 'C'`);
  const notices: string[] = [];
  const store = storeOn(admin.databaseUrl(name), { notice: (text) => notices.push(text) });
  await store.migrate();
  return { store, notices, sql: (text: string) => admin.query(text, [], name) };
}

test('records that a LATIN1 database cannot represent become complete dead letters, and the rest is stored', async () => {
  const { store, sql, notices } = await useEncoding('LATIN1');
  const items = [
    item({ message: 'café' }),
    item({ message: 'price: 5 €' }),
    item({ information: '{"price":"5 €"}' }),
    item({ information: '{"price":"5 \\u20ac"}' }),
    item({ information: '{"drink":"caf\\u00e9"}' }),
    item({ service: '店' }),
  ];
  const { stored, rejected } = await write(store, items);
  expect(stored).toBe(2);
  expect(rejected.map(({ action, code }) => `${action} ${code}`)).toEqual(Array(4).fill('dead-letter 22P05'));
  expect(new Set(rejected.map((one) => one.item))).toEqual(new Set([1, 2, 3, 5].map((index) => items[index])));
  expect(notices.join()).toMatch(
    /uses encoding LATIN1: records with characters that it cannot represent become dead letters/,
  );

  const letters = rejected.map((one) => ({
    raw: one.item.raw,
    code: one.code,
    reason: `€: ${one.message}`,
    attempts: 3_000_000_000,
    queue: 'kasse_€_logs',
    routingKey: '€.info',
    headers: { '€': 'café \\ €', 'x-loghive-attempt': 2 },
    service: one.item.record.service,
    level: one.item.record.level,
    recordId: one.item.record.id,
  }));
  await writeLetters(store, letters);
  const rows = await sql('select * from logs.dead_letters order by raw');
  const byRaw = [...letters].sort((a, b) => Buffer.compare(a.raw, b.raw));
  expect(rows).toMatchObject(
    byRaw.map(({ raw, code, service, level, recordId }) => ({
      raw,
      code,
      reason: expect.stringMatching(/^\\u20ac: /),
      attempts: 2_147_483_647,
      queue: 'kasse_\\u20ac_logs',
      routing_key: '\\u20ac.info',
      headers: { '\\u20ac': 'caf\\u00e9 \\ \\u20ac', 'x-loghive-attempt': 2 },
      service: service.replace('店', '\\u5e97'),
      level,
      record_id: recordId,
    })),
  );
});

test('a SQL_ASCII database stores every character except those that JSON escapes', async () => {
  const { store, sql } = await useEncoding('SQL_ASCII');
  const items = [item({ message: '5 €', information: '{"price":"5 €"}' }), item({ information: '{"a":"\\u20ac"}' })];
  const { stored, rejected } = await write(store, items);
  expect(stored).toBe(1);
  expect(rejected).toMatchObject([{ item: items[1], action: 'dead-letter', code: '22P05' }]);
  expect(await sql('select message from logs.records')).toEqual([{ message: '5 €' }]);
});

test('the SQLSTATE of PostgreSQL 15 for such an escape is mapped to that of later versions', async () => {
  const refusal = () =>
    Promise.reject(
      Object.assign(new Error('conversion between UTF8 and SQL_ASCII is not supported'), { code: '0A000' }),
    );
  const session = (encoding: string) => ({ encoding, copy: refusal, query: refusal }) as unknown as DatabaseSession;
  const table = recordsTable('logs', Date.now);
  const actionsIn = async (encoding: string) => [
    await table.copy(session(encoding), []).then(() => 'stored', actionFor),
    await table.insert(session(encoding), []).then(() => 'stored', actionFor),
  ];
  expect(await actionsIn('SQL_ASCII')).toEqual(['dead-letter', 'dead-letter']);
  expect(await actionsIn('UTF8')).toEqual(['pause', 'pause']);
});
