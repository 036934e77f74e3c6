/** A tail of everything that two consumers store, at 5,000 records a second: complete, in order, and what it costs. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openMaintenance } from '../../../consumer/store/index.js';
import { openRecordReader, parseQuery } from '../../../query/index.js';
import { newStore, openClient, type TestStore, testConfig } from '../../consumer/store/database.js';
import { onEnd } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';

const SECONDS = 30;
const BATCHES_PER_SECOND = 5;
const RECORDS_PER_BATCH = 500;

/** CPU time of a process in seconds, from Linux. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function tailBackend({ sql }: TestStore): Promise<number> {
  const [row] =
    await sql(`select pid from pg_stat_activity where datname = current_database() and application_name = 'loghive'
    and query ~ 'rollback|snapshot' order by backend_start desc limit 1`);
  return row.pid;
}

/** Stores records of the last 60 ms, as a consumer does. */
async function write(made: TestStore, name: string): Promise<void> {
  const client = await openClient(made.url);
  const start = performance.now();
  for (let batch = 0; batch < SECONDS * BATCHES_PER_SECOND; batch++) {
    await client.query(
      `insert into logs.records (id, ts, service, level, message, information)
      select gen_random_uuid(), clock_timestamp() - random() * interval '60 ms', $1, 'INFO', 'request ' || n || ' was answered',
        jsonb_build_object('requestId', 'r-' || n, 'tookMs', n, 'hostname', 'web-1', 'pid', 4711)
      from generate_series(1, $2::int) n`,
      [name, RECORDS_PER_BATCH],
    );
    await delay(Math.max(0, start + ((batch + 1) * 1000) / BATCHES_PER_SECOND - performance.now()));
  }
}

test.skipIf(process.platform !== 'linux')('a tail at 5,000 records a second', { timeout: 180_000 }, async () => {
  const made = await newStore();
  const maintenance = openMaintenance(testConfig(made.url), { days: undefined, levels: {} });
  onEnd(() => maintenance.close());
  await maintenance.run(new AbortController().signal);
  const reader = openRecordReader({ databaseUrl: made.url });
  const stop = new AbortController();
  const ids = new Set<string>();
  let count = 0;
  let late = 0;
  let skipped = 0;
  let last = '';
  let ordered = true;
  const reading = (async () => {
    for await (const event of reader.tail(parseQuery(''), { signal: stop.signal })) {
      if (event.type === 'skipped') skipped += event.count;
      if (event.type === 'late') late += event.records.length;
      if (!('records' in event)) continue;
      for (const { id, timestamp } of event.records) {
        count += 1;
        ids.add(id);
        if (event.type === 'records') ordered &&= last <= timestamp;
        if (event.type === 'records') last = timestamp;
      }
    }
  })();
  onEnd(async () => {
    stop.abort();
    await reading;
    await reader.close();
  });
  await delay(3000);
  const pid = await tailBackend(made);
  const idle = [cpuOf(pid), performance.now()] as const;
  await delay(10_000);
  const busy = [cpuOf(pid), performance.now()] as const;
  await Promise.all([write(made, 'shop'), write(made, 'till')]);
  const end = [cpuOf(pid), performance.now()] as const;
  const [{ n: stored }] = await made.sql('select count(*)::int as n from logs.records');
  await eventually(() => expect(count + skipped).toBe(stored), { withinMs: 30_000 });
  const share = (one: readonly [number, number], other: readonly [number, number]) =>
    (other[0] - one[0]) / ((other[1] - one[1]) / 1000);
  console.info(
    `${Math.round(stored / ((end[1] - busy[1]) / 1000))} records/s, ${late} late, ${skipped} skipped; the database spent ${(share(busy, end) * 100).toFixed(2)} % of a core on the tail, without records ${(share(idle, busy) * 100).toFixed(2)} %`,
  );
  expect(ids.size).toBe(count);
  expect(ordered).toBe(true);
  expect(skipped).toBe(0);
  expect(share(busy, end)).toBeLessThan(0.05);
});
