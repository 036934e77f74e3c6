/** The SQL of the documents runs, and the searches use the index that they name. */
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { migrateDatabase, startConsumer } from '../../consumer/index.js';
import { onEnd, uniqueName, useBroker, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { blocksIn } from './pages.js';

/** Blocks that are not run here: what they need, or the test that runs them. */
const ELSEWHERE: ReadonlyArray<readonly [pattern: RegExp, where: string]> = [
  [/create_hypertable/, 'TimescaleDB is not installed; the page says that this was not run'],
  [/detach partition/, 'test/consumer/store/partitions.test.ts'],
];
const here = blocksIn('sql').filter(({ code }) => !ELSEWHERE.some(([pattern]) => pattern.test(code)));

test('each block that is not run here still exists', () => {
  expect(blocksIn('sql').length - here.length).toBe(ELSEWHERE.length);
});

const database = await useDatabase();
const roles = ['loghive', 'loghive_owner', 'loghive_consumer', 'reader'].map(
  (name) => [name, uniqueName(name)] as const,
);

/** Replaces Grafana's macros, and roles by those of this run, because roles belong to the whole server. */
function prepared(code: string): string {
  const sql = code
    .replace(/\$__timeFilter\((\w+)\)/g, "$1 BETWEEN now() - interval '1 hour' AND now() + interval '1 hour'")
    .replace(/\$__timeGroupAlias\((\w+), \$__interval\)/g, `date_bin('1 minute', $1, 'epoch') AS "time"`)
    .replaceAll('on database logs', `on database ${database.name}`);
  return roles.reduce(
    (text, [name, own]) => text.replaceAll(new RegExp(`(user|to) ${name}\\b`, 'g'), `$1 ${own}`),
    sql,
  );
}

/** What must exist before the block. */
function before(code: string): string {
  const [, grantee] = /to (loghive_consumer|loghive_owner)/.exec(code) ?? [];
  if (grantee === undefined || code.includes(`create user ${grantee}`)) return '';
  return `create user ${roles.find(([name]) => name === grantee)![1]};`;
}

beforeAll(async () => {
  const broker = await useBroker();
  const service = uniqueName('fields');
  // A consumer creates the indexes of fields.
  await migrateDatabase({ databaseUrl: database.url });
  const consumer = await startConsumer([service], {
    url: broker.url,
    databaseUrl: database.url,
    workers: 0,
    indexFields: ['requestId', 'order.id'],
  });
  // Valid once those of all partitions are built.
  const built = `select count(*)::int as count from pg_index where indrelid = 'logs.records'::regclass and indisvalid
    and pg_get_indexdef(indexrelid) ~ 'requestId|order,id'`;
  await eventually(async () => expect(await database.query(built)).toEqual([{ count: 2 }]), { withinMs: 30_000 });
  await consumer.stop();
  await database.query(`insert into logs.records (id, ts, service, level, message, information)
    select gen_random_uuid(), now() - n * interval '4 s', case n % 40 when 0 then 'shop' else 'service' || n % 40 end,
      (case when n % 50 = 0 then 'ERROR' else 'INFO' end)::logs.level, 'order placed ' || n,
      jsonb_build_object('order', n, 'requestId', 'r-' || n, 'tags', jsonb_build_array('t' || n), 'durationMs', n % 1000)
    from generate_series(1, 40000) n`);
  await database.query(`insert into logs.records (id, ts, service, level, message, information)
    select gen_random_uuid(), now() - n * interval '4 s', 'till', 'INFO', 'm',
      jsonb_build_object('order', jsonb_build_object('id', n), 'error', jsonb_build_object('code', 'E' || n))
    from generate_series(1, 2000) n`);
  await database.query('vacuum analyze logs.records');
}, 120_000);

describe('the SQL of the documents', () => {
  test.each(here)('runs: $place', async ({ code }) => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    onEnd(() => client.end());
    await client.query('begin');
    await client.query(before(code));
    await client.query(prepared(code));
    await client.query('rollback');
  });
});

/** The names of indexes in the documents, and their definitions in PostgreSQL. */
const INDEXES: Readonly<Record<string, RegExp>> = {
  '(service, ts DESC)': /\(service, ts DESC\)$/,
  '(ts, id)': /UNIQUE .* \(ts, id\)$/,
  'ts of ERROR and CRITICAL': /\(ts\) WHERE \(level >= 'ERROR'/,
  information: /USING gin \(information jsonb_path_ops\)/,
  requestId: /\(\(information ->> 'requestId'/,
  'order.id': /\(\(information #>> '\{order,id\}'/,
  words: /to_tsvector\('simple'/,
};

interface Plan {
  'Node Type': string;
  'Index Name'?: string;
  Plans?: Plan[];
}

const indexesIn = (plan: Plan): string[] => [
  ...(plan['Index Name'] ? [plan['Index Name']] : []),
  ...(plan.Plans ?? []).flatMap(indexesIn),
];

describe('a search', () => {
  const searches = here.flatMap((block) => {
    const [, index] = /^-- Index: (.+)$/m.exec(block.code) ?? [];
    return index === undefined ? [] : [{ ...block, index }];
  });

  test('exists in the documents more than 15 times', () => expect(searches.length).toBeGreaterThan(15));

  test.each(searches)('uses the index that its first line names: $place, $index', async ({ code, index }) => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    onEnd(() => client.end());
    if (index === 'words') {
      const [making] = here.filter((block) => block.code.startsWith('CREATE INDEX records_words'));
      await client.query(`begin; ${making!.code}`);
    }
    // Without this, PostgreSQL would scan such a small table. The question is whether the search can use the index.
    await client.query('set enable_seqscan = off');
    const { rows } = await client.query(`explain (format json) ${code}`);
    const names = indexesIn(rows[0]['QUERY PLAN'][0].Plan);
    // For a partition without rows, PostgreSQL may use any index.
    const definitions = await client.query(
      `select distinct pg_get_indexdef(i.indexrelid) as definition
       from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
       where c.relname = any($1) and t.reltuples > 0`,
      [names],
    );
    const found: string[] = definitions.rows.map(({ definition }) =>
      definition.replaceAll(/::(?:text|regconfig)\b/g, ''),
    );
    if (index === 'none') expect(names).toEqual([]);
    else expect(found).toContainEqual(expect.stringMatching(INDEXES[index]!));
  });
});
