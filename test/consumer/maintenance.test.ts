/** Table maintenance of a running consumer. */
import { expect, test, vi } from 'vitest';
import { createConsumer } from '../../consumer/index.js';
import { Maintenance } from '../../consumer/maintenance.js';
import type { Maintained, StoreMaintenance } from '../../consumer/store/index.js';
import { internalLogger } from '../../src/internal-logger.js';
import { fetched, seriesOf } from '../support/scrape.js';
import { onEnd, useBroker } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { newStore } from './store/database.js';

test('a consumer creates partitions and deletes expired records without new records', async () => {
  const info = vi.spyOn(internalLogger, 'info').mockImplementation(() => {});
  onEnd(() => info.mockRestore());
  const { url, sql } = await newStore();
  const broker = await useBroker();
  await sql(`create table logs.past partition of logs.records for values from (minvalue) to ('2000-01-01 00:00+00');
    insert into logs.records select gen_random_uuid(), ts, 'shop', 'INFO', 'm'
    from unnest('{1999-01-01,2001-01-01}'::timestamptz[] || now()) ts`);
  const settings = { url: broker.url, databaseUrl: url, httpPort: 0, queueMessageTtlMs: 3_600_000 };
  const consumer = createConsumer(['shop'], { ...settings, retentionDays: 30 });
  onEnd(() => consumer.stop());
  await consumer.start();
  await eventually(async () => (await sql('select 1 from logs.records')).length === 1);
  const partitions = await sql(`select 1 from pg_inherits where inhparent = 'logs.records'::regclass`);
  expect(partitions).toHaveLength(8 + 1);
  await eventually(() =>
    info.mock.calls.flat().includes('retention: dropped 1 partition (past), deleted 1 record individually'),
  );
  const series = seriesOf((await fetched(consumer.status().httpPort, '/metrics')).body);
  const value = (name: string) => series.get(`loghive_${name}`);
  expect(value('partitions_created_total')).toBe(8);
  expect(value('partitions_dropped_total')).toBe(1);
  expect(value('retention_records_deleted_total')).toBe(1);
  expect(value('maintenance_failures_total')).toBe(0);
  expect(value('queue_message_ttl_seconds')).toBe(3600);
});

function useMaintenance(
  passes: Array<() => Promise<Partial<Maintained>>>,
  ensure: (signal: AbortSignal) => Promise<void> = async () => {},
) {
  let ran = 0;
  let closed = 0;
  const store: StoreMaintenance = {
    run: async () => ({
      ...{ made: 0, partitions: [], records: 0, isBehind: false },
      ...(await (passes[ran++] ?? (async () => ({})))()),
    }),
    close: async () => {
      closed++;
    },
  };
  const lines: string[] = [];
  const indexes = { ensure, close: async () => {} };
  const maintenance = new Maintenance({ store, indexes, everyMs: 5, log: (sentence) => lines.push(sentence) });
  onEnd(() => maintenance.stop());
  return { maintenance, lines, ran: () => ran, closed: () => closed };
}

test('maintenance continues after a failed pass and counts deletions', async () => {
  const { maintenance, lines, ran, closed } = useMaintenance([
    async () => ({ partitions: ['records_20260101', 'records_20260102', 'records_20260103'] }),
    async () => {
      throw new Error('PostgreSQL is away');
    },
    async () => ({ made: 2, records: 7, isBehind: true }),
  ]);
  maintenance.start();
  await eventually(() => ran() > 4);
  await maintenance.stop();
  const after = ran();
  expect(lines).toEqual([
    'retention: dropped 3 partitions (records_20260101 to records_20260103)',
    'retention: deleted 7 records individually',
  ]);
  expect(maintenance.counts).toEqual({ partitionsMade: 2, partitionsDropped: 3, recordsDeleted: 7, failures: 2 });
  expect([ran(), closed()]).toEqual([after, 1]);
});

test('maintenance continues while an index is built and counts failed builds', async () => {
  let ensured = 0;
  const { maintenance, ran } = useMaintenance([], (signal) => {
    ensured++;
    if (ensured === 1) return Promise.reject(new Error('the disk is full'));
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  });
  maintenance.start();
  await eventually(() => ensured === 2 && ran() > 4);
  expect(maintenance.counts.failures).toBe(1);
  await maintenance.stop();
});

test('maintenance can be stopped before it was started', async () => {
  const { maintenance, closed, ran } = useMaintenance([]);
  await maintenance.stop();
  expect([ran(), closed()]).toEqual([0, 1]);
});
