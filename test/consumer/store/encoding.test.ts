import { expect, inject, test } from 'vitest';
import type { DatabaseSession } from '../../../consumer/store/connect.js';
import { recordsTable } from '../../../consumer/store/records-table.js';
import { verdictOf } from '../../../consumer/store/verdict.js';
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

test('what a LATIN1 database cannot hold becomes a dead letter with everything in it, and the rest is stored', async () => {
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
  expect(rejected.map(({ verdict, code }) => `${verdict} ${code}`)).toEqual(Array(4).fill('hopeless 22P05'));
  expect(new Set(rejected.map((one) => one.item))).toEqual(new Set([1, 2, 3, 5].map((index) => items[index])));
  expect(notices.join()).toMatch(
    /is encoded in LATIN1: records with characters that it cannot hold become dead letters/,
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

test('a SQL_ASCII database stores every character, but for those that JSON writes as an escape', async () => {
  const { store, sql } = await useEncoding('SQL_ASCII');
  const items = [item({ message: '5 €', information: '{"price":"5 €"}' }), item({ information: '{"a":"\\u20ac"}' })];
  const { stored, rejected } = await write(store, items);
  expect(stored).toBe(1);
  expect(rejected).toMatchObject([{ item: items[1], verdict: 'hopeless', code: '22P05' }]);
  expect(await sql('select message from logs.records')).toEqual([{ message: '5 €' }]);
});

test('the code with which PostgreSQL 15 refuses such an escape is read as that of the later ones', async () => {
  const refusal = () =>
    Promise.reject(
      Object.assign(new Error('conversion between UTF8 and SQL_ASCII is not supported'), { code: '0A000' }),
    );
  const session = (encoding: string) => ({ encoding, copy: refusal, query: refusal }) as unknown as DatabaseSession;
  const table = recordsTable('logs', Date.now);
  const verdictIn = async (encoding: string) => [
    await table.copy(session(encoding), []).then(() => 'stored', verdictOf),
    await table.insert(session(encoding), []).then(() => 'stored', verdictOf),
  ];
  expect(await verdictIn('SQL_ASCII')).toEqual(['hopeless', 'hopeless']);
  expect(await verdictIn('UTF8')).toEqual(['pause', 'pause']);
});
