/** `LOGHIVE_TRACE_FIELDS`: the fields that `id:` and `trace:` look at, besides the usual ones. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { openStoredView } from '../../cli/dev/stored-view.js';
import { TRACE_FIELDS, traceFieldsOf } from '../../query/index.js';
import { openEnvironment } from '../../src/config.js';
import type { StoredRecord } from '../../src/record.js';
import { itemList, newStore, write } from '../consumer/store/database.js';
import { useEnvironment } from '../support/use-environment.js';
import { onEnd, useChild } from '../support/use-servers.js';
import { loghive, program } from './run-loghive.js';

const NAMES = ['orderId', 'x_request', 'call.id', 'requestId', 'other'];
const informationOf = (name: string) => (name === 'call.id' ? '{"call":{"id":"r-7"}}' : `{"${name}":"r-7"}`);
const items = itemList(NAMES.length, (n) => ({
  message: `in ${NAMES[n]}`,
  information: informationOf(NAMES[n]!),
  timestamp: `2026-01-31T10:30:0${n}.000000Z`,
}));
const SETTING = 'orderId, x_request,call.id';

test('search, patterns and tail find ids in them, whether they are in the environment or in config.env', {
  timeout: 60_000,
}, async () => {
  const { store, url } = await newStore();
  await write(store, items);
  const setting = { LOGHIVE_TRACE_FIELDS: SETTING };
  const found = ['in orderId', 'in x_request', 'in call.id', 'in requestId'];
  const search = ['search', 'trace:r-7', '--database-url', url, '-o', 'raw'];
  expect((await loghive(search)).stdout).toEqual(['in requestId']);
  expect((await loghive(search, setting)).stdout).toEqual(found);
  const patterns = await loghive(['patterns', 'id:r-7', '--database-url', url, '-o', 'ndjson'], setting);
  expect(patterns.stdout.map((line) => JSON.parse(line).pattern).sort()).toEqual([...found].sort());

  const cwd = mkdtempSync(path.join(tmpdir(), 'loghive-trace-fields-'));
  onEnd(() => rmSync(cwd, { recursive: true }));
  writeFileSync(path.join(cwd, 'config.env'), `LOGHIVE_TRACE_FIELDS=${SETTING}\n`);
  const tail = useChild(program, { args: ['tail', 'trace:r-7', '--database-url', url, '-o', 'raw'], cwd });
  await tail.waitForLine(/in requestId/, 20_000);
  expect(tail.stdout).toEqual(found);
  expect(tail.stderr).toEqual([]);
});

test('dev --show finds ids in them', async () => {
  useEnvironment({ LOGHIVE_TRACE_FIELDS: SETTING });
  const stream = new PassThrough();
  const { view } = openStoredView({ show: 'trace:r-7', output: 'raw' }, openEnvironment(), stream)!;
  await view.show(items.map(({ record }): StoredRecord => record));
  expect(String(stream.read())).toBe('in orderId\nin x_request\nin call.id\nin requestId\n');
});

test('are added to the usual ones, each once', () => {
  useEnvironment({ LOGHIVE_TRACE_FIELDS: 'orderId,requestId,,orderId' });
  expect(traceFieldsOf(openEnvironment())).toEqual([...TRACE_FIELDS, 'orderId']);
});

test('that are no names are ignored with a warning', () => {
  const { warnings } = useEnvironment({ LOGHIVE_TRACE_FIELDS: 'order..id' });
  expect(traceFieldsOf(openEnvironment())).toEqual(TRACE_FIELDS);
  expect(warnings()).toEqual([
    expect.stringMatching(/LOGHIVE_TRACE_FIELDS is "order\.\.id", expected a list of at most 20 names of fields/),
  ]);
});
