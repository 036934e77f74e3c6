/** Reading behind PgBouncer in transaction mode: each transaction may run in another session. */
import { expect, inject, test } from 'vitest';
import { openRecordReader, parseQuery } from '../../query/index.js';
import { item, newStore, openClient, write } from '../consumer/store/database.js';
import { startPgbouncer } from '../support/pgbouncer.mjs';
import { onEnd } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

test('pages, tails and cancellation work through a pooler that gives each transaction another session', async () => {
  const pooler = await startPgbouncer({
    target: inject('postgres').url,
    settings: { default_pool_size: 2, server_round_robin: 1 },
  });
  onEnd(() => pooler.stop());
  const { url, store, sql } = await newStore();
  await write(store, [item({ message: 'one' })]);
  const readers = [1, 2].map(() => openRecordReader({ databaseUrl: pooler.url(url) }));
  const stop = new AbortController();
  const messages: string[] = [];
  const tailing = (async () => {
    for await (const event of readers[0]!.tail(parseQuery(''), { signal: stop.signal, pollMs: 20, holdMs: 100 })) {
      if ('records' in event) messages.push(...event.records.map(({ message }) => message));
    }
  })();
  onEnd(async () => {
    stop.abort();
    await tailing;
    for (const reader of readers) await reader.close();
  });
  await eventually(() => expect(messages).toEqual(['one']));
  expect((await readers[1]!.page(parseQuery('one'))).records).toHaveLength(1);
  await write(store, [item({ message: 'two' })]);
  await eventually(() => expect(messages).toEqual(['one', 'two']));
  stop.abort();
  await tailing;

  const client = await openClient(url);
  await client.query('begin; lock table logs.records in access exclusive mode');
  const running = `select count(*)::int as n from pg_stat_activity where datname = current_database()
    and wait_event_type = 'Lock' and state = 'active'`;
  const abort = new AbortController();
  const page = readers[1]!.page(parseQuery('card'), { signal: abort.signal });
  page.catch(() => undefined);
  await eventually(async () => expect(await sql(running)).toEqual([{ n: 1 }]));
  abort.abort(new Error('gone'));
  await expect(page).rejects.toThrow('gone');
  await eventually(async () => expect(await sql(running)).toEqual([{ n: 0 }]));
});
