/** The live tail, on a real server. */
import { describe, expect, test } from 'vitest';
import { openRecordReader, parseQuery, type TailEvent, type TailOptions } from '../../query/index.js';
import type { StoredRecord } from '../../src/record.js';
import { item, newStore, openClient, write } from '../consumer/store/database.js';
import { onEnd } from '../support/use-servers.js';
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
    const { messages, records } = follow(url, '', { holdMs: 3000 });
    await eventually(() => expect(messages()).toEqual(['before']));
    await one.query('begin');
    await one.query(INSERT, [2, 'first']);
    await other.query('begin');
    await other.query(INSERT, [1.5, 'second']);
    await one.query(INSERT, [1, 'third']);
    await other.query('commit');
    await one.query('commit');
    await eventually(() => expect(messages()).toHaveLength(4));
    expect(messages()).toEqual(['before', 'first', 'second', 'third']);
    expect(inOrder(records())).toBe(true);
  });
});
