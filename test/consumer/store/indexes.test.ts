/** Configurable indexes: how they are created while records are stored, and that PostgreSQL uses them. */
import { describe, expect, test } from 'vitest';
import { openIndexBuilds, openMaintenance } from '../../../consumer/store/index.js';
import { onEnd } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { item, itemList, newStore, openClient, type TestStore, testConfig, write } from './database.js';

const DAY_MS = 86_400_000;
const KEEP = { days: undefined, levels: {} };
const never = new AbortController().signal;
const FIELDS = [['requestId'], ['order', 'id']];

const INDEXES = `select count(*)::int as n from pg_class index join pg_index on indexrelid = index.oid
  where relkind = 'i' and indisvalid and pg_get_indexdef(indexrelid) like $1`;

interface Choice {
  readonly information?: boolean;
  readonly fields?: string[][];
}

/** @param now epoch milliseconds; determines which days have partitions. */
async function maintained(made: TestStore, indexes: Choice, now?: () => number) {
  const again = maintenanceOf(made, indexes, now);
  await again();
  return { again };
}

/** @returns a function that creates partitions and indexes once. */
function maintenanceOf(made: TestStore, indexes: Choice, now?: () => number) {
  const maintenance = openMaintenance(testConfig(made.url), KEEP, now);
  onEnd(() => maintenance.close());
  const builds = buildsOf(made, indexes, now);
  return async () => {
    await maintenance.run(never);
    await builds.ensure(never);
  };
}

function buildsOf({ url, notices }: TestStore, indexes: Choice, now?: () => number, lookMs?: number) {
  const notice = (text: string) => notices.push(text);
  const settings = { information: indexes.information, fields: indexes.fields ?? [] };
  const builds = openIndexBuilds(testConfig(url, { indexes: settings, notice }), now, lookMs);
  onEnd(() => builds.close());
  return builds;
}

async function count({ sql }: TestStore, definition: string): Promise<number> {
  return (await sql(INDEXES, [`%${definition}%`]))[0].n;
}

/** Enough rows of today for the planner to use an index. */
async function fill({ sql }: TestStore): Promise<void> {
  await sql(`insert into logs.records select gen_random_uuid(), now(), 'shop', 'INFO', 'm',
    jsonb_build_object('requestId', 'r-' || n, 'order', jsonb_build_object('id', n)) from generate_series(1, 20000) n`);
  await sql('analyze logs.records');
}

async function planOf({ sql }: TestStore, condition: string): Promise<string> {
  const rows = await sql(`explain select * from logs.records where ${condition}`);
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

/** Indexes of partitions that are attached to an index of the parent. */
async function isWhole({ sql }: TestStore, name: string): Promise<boolean> {
  const rows = await sql(
    `select indisvalid as valid, (select count(*) from pg_inherits where inhparent = indexrelid)::int as parts,
       (select count(*) from pg_inherits where inhparent = indrelid)::int as partitions
     from pg_index join pg_class on pg_class.oid = indexrelid where relname like $1`,
    [name],
  );
  expect(rows).toHaveLength(1);
  return rows[0].valid && rows[0].parts === rows[0].partitions;
}

describe('the index on information', () => {
  test('finds records by a field, including those still in its pending list', async () => {
    const made = await newStore();
    await write(made.store, [item()]);
    await fill(made);
    expect(await planOf(made, `information @> '{"requestId":"r-77"}'`)).toMatch(
      /Bitmap Index Scan on records_\d+_information/,
    );
    const [row] = await made.sql(
      `select count(*)::int as n from logs.records where information @> '{"requestId":"r-77"}'`,
    );
    expect(row).toEqual({ n: 1 });
  });

  test('is dropped, is missing from new partitions, and is created again', async () => {
    const made = await newStore();
    await write(made.store, itemList(10));
    expect(await count(made, 'USING gin')).toBe(9);
    await maintained(made, { information: false });
    expect(await count(made, 'USING gin')).toBe(0);
    expect(made.notices).toContain('dropped the index on information (INDEX_INFORMATION=off).');
    const tomorrow = () => Date.now() + DAY_MS;
    await maintained(made, { information: false }, tomorrow);
    expect(await made.sql(`select 1 from pg_inherits where inhparent = 'logs.records'::regclass`)).toHaveLength(10);
    expect(await count(made, 'USING gin')).toBe(0);

    await maintained(made, { information: true }, tomorrow);
    expect(await count(made, 'gin_pending_list_limit')).toBe(10);
    expect(made.notices.at(-1)).toMatch(/^index records_information of schema logs is ready\./);
    const after = () => Date.now() + 2 * DAY_MS;
    await maintained(made, {}, after);
    expect(await count(made, 'gin_pending_list_limit')).toBe(11);
  });

  test('is left alone without a setting', async () => {
    const made = await newStore();
    await maintained(made, {});
    expect(await count(made, 'USING gin')).toBe(9);
    await maintained(made, { information: false });
    await maintained(made, {});
    expect(await count(made, 'USING gin')).toBe(0);
  });

  test('is deferred while a reader holds the lock, and storing continues', async () => {
    const made = await newStore();
    await write(made.store, [item()]);
    const reader = await openClient(made.url);
    await reader.query('begin; select count(*) from logs.records');
    const maintenance = await maintained(made, { information: false });
    expect(await count(made, 'USING gin')).toBe(9);
    expect(await write(made.store, [item()])).toMatchObject({ stored: 1 });
    await reader.query('commit');
    await maintenance.again();
    expect(await count(made, 'USING gin')).toBe(0);
    expect(made.notices.join()).not.toContain('cannot');
  });
});

test('an index that cannot be dropped within two seconds blocks readers and writers no longer', async () => {
  const made = await newStore();
  await made.sql(`create function public.slow() returns event_trigger language plpgsql as
    $$ begin perform pg_sleep(6); end $$;
    create event trigger slow on sql_drop execute function public.slow()`);
  await maintained(made, { information: false });
  expect(await count(made, 'USING gin')).toBe(9);
  expect(made.notices).toContainEqual(expect.stringMatching(/records_information .* cannot be .*57014/));
});

describe('the index of a field', () => {
  test('exists on every partition, old and new, and is used', async () => {
    const made = await newStore();
    await write(made.store, [item()]);
    await fill(made);
    await maintained(made, { fields: FIELDS });
    expect(await isWhole(made, 'records_by_requestid_%')).toBe(true);
    expect(await isWhole(made, 'records_by_order_id_%')).toBe(true);
    expect(made.notices.filter((text) => text.startsWith('index '))).toEqual([
      expect.stringMatching(
        /^index records_by_requestid_\w{8} of schema logs is ready\. Use it with information ->> 'requestId' = '…'\.$/,
      ),
      expect.stringMatching(/Use it with information #>> '\{order,id\}' = '…'\.$/),
    ]);
    await made.sql('analyze logs.records');
    // The other partitions are empty.
    expect(await planOf(made, `information ->> 'requestId' = 'r-77'`)).toMatch(
      /Index Cond: \(\(information ->> 'requestId'/,
    );
    expect(await planOf(made, `information #>> '{order,id}' = '77'`)).toMatch(
      /Index Cond: \(\(information #>> '\{order,id\}'/,
    );
    expect(await planOf(made, `information ->> 'other' = '77'`)).not.toContain('Index Cond');

    await maintained(made, { fields: FIELDS }, () => Date.now() + DAY_MS);
    expect(await count(made, '->>')).toBe(10);
    expect(
      await made.sql(`select 1 from pg_class where relkind = 'I' and not exists (
      select from pg_index where indexrelid = pg_class.oid and indisvalid)`),
    ).toEqual([]);
  });

  test('is created while others write, and waits only for older transactions', async () => {
    const made = await newStore();
    await write(made.store, [item()]);
    const writer = await openClient(made.url);
    await writer.query(`begin;
      insert into logs.records_default values (gen_random_uuid(), '2000-01-01', 'shop', 'INFO', 'm', '{"requestId":"r"}')`);
    const making = maintained(made, { fields: [['requestId']] });
    const building = `select 1 from pg_stat_activity where query like 'create index concurrently%' and wait_event_type = 'Lock'`;
    await eventually(async () => (await made.sql(building)).length === 1);
    expect(await write(made.store, itemList(10))).toMatchObject({ stored: 10 });
    await writer.query('commit');
    await making;
    expect(await isWhole(made, 'records_by_requestid_%')).toBe(true);
  });

  test('waits for an open transaction, names it, and blocks neither partitions nor storing', async () => {
    const made = await newStore();
    await write(made.store, [item()]);
    const reader = await openClient(`${made.url}?application_name=forgotten`);
    await reader.query('begin isolation level repeatable read; select 1 from pg_class');
    const clock = { ms: Date.now() };
    const builds = buildsOf(made, { fields: [['requestId']] }, () => clock.ms, 20);
    const making = builds.ensure(never);
    // The build on the default partition is canceled, because it blocks the creation of partitions.
    await eventually(() => made.notices.some((text) => text.includes('57014')));
    const building = `select 1 from pg_stat_activity where query like 'create index concurrently%' and wait_event_type = 'Lock'`;
    await eventually(async () => (await made.sql(building)).length === 1);
    const maintenance = openMaintenance(testConfig(made.url), KEEP, () => clock.ms + DAY_MS);
    onEnd(() => maintenance.close());
    expect(await maintenance.run(never)).toMatchObject({ made: 1 });
    expect(await write(made.store, itemList(10))).toMatchObject({ stored: 10 });
    expect(made.notices.filter((text) => text.includes('is waiting'))).toEqual([
      expect.stringMatching(
        /^the build of index records_by_requestid_\w+ of schema logs is waiting: session \d+ \(.*application forgotten\) has had a transaction open since .*pg_terminate_backend/,
      ),
    ]);
    await reader.query('commit');
    await making;
    clock.ms += 600_001;
    await builds.ensure(never);
    expect(await isWhole(made, 'records_by_requestid_%')).toBe(true);
  });

  test('opens no connection when nothing is pending', async () => {
    const made = await newStore();
    const builds = buildsOf(made, { fields: [['requestId']] });
    await builds.ensure(never);
    const elsewhere = new URL(made.url);
    elsewhere.pathname = '/postgres';
    const admin = await openClient(elsewhere.href);
    await admin.query(`alter database ${made.name} allow_connections false`);
    await builds.ensure(never);
  });

  test('is built again after an interrupted build', async () => {
    const made = await newStore();
    await write(made.store, [item()]);
    await maintained(made, { fields: [['requestId']] });
    const [part] = await made.sql(`select c.relname as name from pg_class c join pg_inherits on inhrelid = c.oid
      join pg_class p on p.oid = inhparent where p.relname like 'records_by_requestid_%' order by 1 limit 1`);
    await made.sql(`update pg_index set indisvalid = false where indexrelid = 'logs.${part.name}'::regclass;
      delete from pg_inherits where inhrelid = 'logs.${part.name}'::regclass;
      update pg_class set relispartition = false where oid = 'logs.${part.name}'::regclass;
      delete from pg_depend where objid = 'logs.${part.name}'::regclass and deptype in ('P', 'S');
      update pg_index set indisvalid = false where indexrelid in (select oid from pg_class where relkind = 'I' and relname like 'records_by_%')`);
    await maintained(made, { fields: [['requestId']] });
    expect(await isWhole(made, 'records_by_requestid_%')).toBe(true);
  });

  test('is dropped when the disk is full, and retried with increasing delays', async () => {
    const made = await newStore();
    await write(made.store, [item()]);
    // The server reports it while the index is built, as with a full disk, and leaves an invalid index.
    await made.sql(`create sequence public.builds;
      create function public.full() returns event_trigger language plpgsql as $$ begin
        if current_query() like 'create index concurrently%' then
          perform nextval('public.builds');
          raise 'could not extend file' using errcode = '53100';
        end if;
      end $$;
      create event trigger full_disk on ddl_command_end execute function public.full()`);
    const clock = { ms: Date.now() };
    const pass = maintenanceOf(made, { fields: FIELDS }, () => clock.ms);
    const builds = async () => {
      const [{ n }] = await made.sql(
        'select case when is_called then last_value else 0 end::int as n from public.builds',
      );
      return n;
    };
    for (const [waitedMs, expected] of [
      [0, 1],
      [60_000, 1],
      [540_001, 2],
      [600_000, 2],
      [1_200_001, 3],
    ] as const) {
      clock.ms += waitedMs;
      await pass().catch(() => undefined);
      expect(await builds()).toBe(expected);
      expect(
        await made.sql(
          `select relname from pg_class join pg_index on indexrelid = oid where relkind = 'i' and not indisvalid`,
        ),
      ).toEqual([]);
    }
    expect(made.notices.filter((text) => text.includes('cannot be created'))).toEqual([
      expect.stringMatching(/53100.*Free disk space\..*INDEX_FIELDS/),
    ]);
    await made.sql('drop event trigger full_disk');
    clock.ms += 3_600_001;
    await pass();
    expect(await isWhole(made, 'records_by_requestid_%')).toBe(true);
    expect(await isWhole(made, 'records_by_order_id_%')).toBe(true);
  });

  test('is created by two processes at the same time', async () => {
    const made = await newStore();
    await write(made.store, [item()]);
    const [one, other] = await Promise.all([
      maintained(made, { fields: FIELDS }),
      maintained(made, { fields: FIELDS }),
    ]);
    // If they got in each other's way, the next pass continues.
    await one.again();
    await other.again();
    expect(await isWhole(made, 'records_by_requestid_%')).toBe(true);
    expect(await isWhole(made, 'records_by_order_id_%')).toBe(true);
    expect(made.notices.filter((text) => text.includes('cannot'))).toEqual([]);
  });

  test('is created on a table without partitions', async () => {
    const made = await newStore();
    await made.sql(`drop table logs.records cascade;
      create table logs.records (id uuid not null, ts timestamptz not null, service text not null, level logs.level not null,
        message text not null, information jsonb not null default '{}', primary key (ts, id))`);
    await maintained(made, { information: true, fields: [['requestId']] });
    expect(await count(made, 'USING gin')).toBe(1);
    expect(await count(made, '->>')).toBe(1);
  });

  test('refuses a value of many kilobytes, and only that record', async () => {
    const made = await newStore();
    await maintained(made, { fields: [['requestId']] });
    const long = Array.from({ length: 10_000 }, () => Math.random().toString(36).at(-1)).join('');
    const items = [item(), item({ information: JSON.stringify({ requestId: long }) }), item()];
    const outcome = await write(made.store, items);
    expect(outcome).toMatchObject({ stored: 2, rejected: [{ action: 'dead-letter', code: '54000' }] });
  });

  test('may have any name', async () => {
    const made = await newStore();
    await write(made.store, [item()]);
    await maintained(made, { fields: [["it's"], ['a "b"', 'c\\d', 'ü,{}'], ['null', 'x']] });
    expect(await count(made, '->>')).toBe(9);
    expect(await count(made, '#>>')).toBe(18);
    const nested = { 'a "b"': { 'c\\d': { 'ü,{}': 'found' } } };
    await write(made.store, [item({ information: JSON.stringify(nested) })]);
    const definitions =
      await made.sql(`select pg_get_expr(indexprs, indrelid) as expression from pg_index join pg_class c on c.oid = indexrelid
      where c.relname like 'records_by_a_b%' and c.relkind = 'I'`);
    const [{ n }] = await made.sql(
      `select count(*)::int as n from logs.records where ${definitions[0].expression} = 'found'`,
    );
    expect(n).toBe(1);
  });
});
