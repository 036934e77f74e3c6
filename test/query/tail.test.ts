/** The live tail, on a real server. */
import { describe, expect, test } from 'vitest';
import { openRecordReader, parseQuery, type TailEvent, type TailOptions } from '../../query/index.js';
import type { StoredRecord } from '../../src/record.js';
import { item, newStore, openClient, write } from '../consumer/store/database.js';
import { onEnd, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const FAST = { pollMs: 20, holdMs: 200 };

/** Reads a tail in the background until the test ends. */
function follow(url: string, text: string, options: TailOptions = {}) {
  const reader = openRecordReader({ databaseUrl: url });
  const stop = new AbortController();
  const events: TailEvent[] = [];
  const reading = (async () => {
    for await (const event of reader.tail(parseQuery(text), { ...FAST, ...options, signal: stop.signal })) {
      events.push(event);
    }
  })();
  reading.catch(() => undefined);
  onEnd(async () => {
    stop.abort();
    await reading.catch(() => undefined);
    await reader.close();
  });
  const records = () => events.flatMap((event) => ('records' in event ? event.records : []));
  const messages = () => records().map(({ message }) => message);
  return { events, records, messages, reading, stop };
}

/** Inserts a row `ageS` seconds old, in the transaction of the client. */
const INSERT = `insert into logs.records (id, ts, service, level, message)
  values (gen_random_uuid(), clock_timestamp() - $1 * interval '1 second', 'shop', 'INFO', $2)`;

function inOrder(records: readonly StoredRecord[]): boolean {
  return records.every((record, at) => at === 0 || records[at - 1]!.timestamp <= record.timestamp);
}

test('a tail begins with the last records, and continues with those that are stored', async () => {
  const { store, url } = await newStore();
  await write(
    store,
    ['one', 'two', 'three'].map((message) => item({ message })),
  );
  const { messages, records } = follow(url, 'service:shop', { lines: 2 });
  await eventually(() => expect(messages()).toEqual(['two', 'three']));
  await write(store, [item({ message: 'four' }), item({ message: 'five' }), item({ service: 'till' })]);
  await eventually(() => expect(messages()).toEqual(['two', 'three', 'four', 'five']));
  expect(records()[2]).toMatchObject({ service: 'shop', level: 'INFO', information: '{"order": 7}' });
});

describe('batches that commit out of order', () => {
  test('are shown in the order of their records, each record once', async () => {
    const { url, sql } = await newStore();
    const [one, other] = [await openClient(url), await openClient(url)];
    await sql(INSERT, [60, 'before']);
    const { messages, records } = follow(url, '', { holdMs: 4000 });
    await eventually(() => expect(messages()).toEqual(['before']));
    await one.query('begin');
    await one.query(INSERT, [0.3, 'first']);
    await other.query('begin');
    await other.query(INSERT, [0.2, 'second']);
    // Later than the second one, whatever the time between the statements.
    await one.query(INSERT, [0.1, 'third']);
    await other.query('commit');
    await one.query('commit');
    await eventually(() => expect(messages()).toHaveLength(4), { withinMs: 19_000 });
    expect(messages()).toEqual(['before', 'first', 'second', 'third']);
    expect(inOrder(records())).toBe(true);
  });

  test('of two writers that overlap all the time are shown completely, each record once', {
    timeout: 60_000,
  }, async () => {
    const { url, sql } = await newStore();
    await sql(INSERT, [60, 'before']);
    const { messages, events } = follow(url, 'service:shop');
    // What is stored before the tail has begun is not new.
    await eventually(() => expect(messages()).toEqual(['before']));
    const expected = ['before'];
    const writer = async (name: string) => {
      const client = await openClient(url);
      for (let batch = 0; batch < 30; batch++) {
        await client.query('begin');
        for (let at = 0; at < 5; at++) {
          // Rows of a savepoint have a transaction number of their own.
          if (at === 2) await client.query('savepoint part');
          const message = `${name} ${batch} ${at}`;
          expected.push(message);
          await client.query(INSERT, [0, message]);
        }
        if (batch % 7 === 0) await client.query('rollback to savepoint part');
        if (batch % 7 === 0)
          expected.splice(
            0,
            expected.length,
            ...expected.filter((each) => !new RegExp(`^${name} ${batch} [234]$`).test(each)),
          );
        await client.query('commit');
      }
    };
    await Promise.all([writer('one'), writer('other')]);
    await eventually(() => expect(messages().length).toBeGreaterThanOrEqual(expected.length), { withinMs: 20_000 });
    expect([...messages()].sort()).toEqual(expected.sort());
    // What is committed too late for that is marked.
    expect(inOrder(events.flatMap((event) => (event.type === 'records' ? event.records : [])))).toBe(true);
  });
});

test('a record that is stored long after its time is shown as late', { timeout: 40_000 }, async () => {
  const { url, sql } = await newStore();
  await sql(INSERT, [1, 'before']);
  const { events, messages } = follow(url, 'service:shop');
  await eventually(() => expect(messages()).toEqual(['before']));
  await sql(INSERT, [3600, 'an hour late']);
  await sql(INSERT, [0, 'in time']);
  await eventually(() => expect([...messages()].sort()).toEqual(['an hour late', 'before', 'in time']), {
    withinMs: 30_000,
  });
  const late = events.flatMap((event) => (event.type === 'late' ? event.records.map(({ message }) => message) : []));
  expect(late).toEqual(['an hour late']);
});

test('a reader that is too slow gets the newest records, and how many were skipped', async () => {
  const { url, store } = await newStore();
  const reader = openRecordReader({ databaseUrl: url });
  onEnd(() => reader.close());
  await write(store, [item({ message: 'before' })]);
  const tail = reader.tail(parseQuery(''), { ...FAST, maxRecords: 10 })[Symbol.asyncIterator]();
  const next = async () => (await tail.next()).value as TailEvent;
  expect(await next()).toMatchObject({ type: 'records', records: [{ message: 'before' }] });
  const start = Date.now() * 1000;
  await write(
    store,
    Array.from({ length: 50 }, (_, n) =>
      item({ message: `${n}`, timestamp: new Date(start / 1000 + n).toISOString() }),
    ),
  );
  expect(await next()).toEqual({ type: 'skipped', count: 40 });
  const event = await next();
  expect(event.type === 'records' && event.records.map(({ message }) => message)).toEqual(
    Array.from({ length: 10 }, (_, n) => `${40 + n}`),
  );
  await tail.return?.();
});

describe('a tail continues without a gap', () => {
  test('when the server ends its session', async () => {
    const { url, sql, store } = await newStore();
    await write(store, [item({ message: 'one' })]);
    const { messages, events } = follow(url, '');
    await eventually(() => expect(messages()).toEqual(['one']));
    const kill = `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'loghive'`;
    expect(await sql(kill)).not.toEqual([]);
    await write(store, [item({ message: 'two' })]);
    await eventually(() => expect(messages()).toEqual(['one', 'two']));
    expect(events.filter(({ type }) => type !== 'records')).toEqual([]);
  });

  test('when the server was away, and says so', async () => {
    const { url, store } = await newStore();
    const proxy = await useProxy(url);
    await write(store, [item({ message: 'one' })]);
    const { messages, events } = follow(proxy.url(url), '');
    await eventually(() => expect(messages()).toEqual(['one']));
    await proxy.refuse();
    await proxy.cut();
    await eventually(() => expect(events.at(-1)).toMatchObject({ type: 'disconnected' }));
    expect(events.at(-1)).toMatchObject({ reason: expect.stringMatching(/^PostgreSQL: nothing listens at 127/) });
    await write(store, [item({ message: 'two' })]);
    await proxy.heal();
    await eventually(() => expect(messages()).toEqual(['one', 'two']));
    expect(events.map(({ type }) => type)).toEqual(['records', 'disconnected', 'reconnected', 'records']);
  });
});

test('a tail ends when its reader is closed', async () => {
  const { url } = await newStore();
  const reader = openRecordReader({ databaseUrl: url });
  const reading = (async () => {
    for await (const event of reader.tail(parseQuery(''), FAST)) expect(event).toBeUndefined();
  })();
  await reader.services();
  await reader.close();
  await expect(reading).resolves.toBeUndefined();
});

test('a tail ends when its signal is aborted, and fails if it cannot begin', async () => {
  const { url } = await newStore();
  const { reading, stop } = follow(url, '');
  stop.abort();
  await expect(reading).resolves.toBeUndefined();
  const { reading: failing } = follow('postgres://nobody@127.0.0.1:1/none', '');
  await expect(failing).rejects.toMatchObject({ code: 'LOGHIVE_STORAGE_UNAVAILABLE' });
});
