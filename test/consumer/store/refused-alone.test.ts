/** Records that PostgreSQL refuses with errors that could also be its own: all others are stored. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../../support/postgres.mjs';
import { eventually } from '../../support/wait.mjs';
import { item, itemList, storeOn, type TestStore, write } from './database.js';
import { poison, raise, storeWith, tries } from './poison.js';

const count = 'select count(*)::int as n from logs.records';

describe('a record that is refused alone repeatedly, while a probe row is accepted', () => {
  let made: TestStore;
  beforeAll(async () => {
    made = await storeWith(
      poison(`raise exception 'it is said to be %', new.information->>'as' using errcode = new.information->>'as'`),
    );
  });

  it.each([
    ...['P0001', 'P0003', 'XX000', 'XX001', '0A000', '21000', '2F003', '38001', '39000', '42883', '42P01', '42501'],
    ...['3F000', '25006', '53100', '53200', '53400', '55P03', '55000', '57014', '58030', '40001', '40P01', 'F0000'],
    ...['HV000', 'ZZ999'],
  ])('with %s is to be retried, and all others are stored', async (code) => {
    const { store, sql } = made;
    const service = `of ${code}`;
    const bad = item({ service, message: 'poison', information: `{"as":"${code}"}` });
    const good = itemList(40, () => ({ service }));
    expect(await write(store, [...good.slice(0, 20), bad, ...good.slice(20)])).toEqual({
      stored: 40,
      duplicates: 0,
      rejected: [{ item: bad, action: 'retry', code, message: `it is said to be ${code}` }],
    });
    expect(await sql(`${count} where service = '${service}'`)).toEqual([{ n: 40 }]);
  });

  it('is found among duplicates', async () => {
    const old = itemList(10);
    await write(made.store, old);
    const bad = item({ message: 'poison', information: '{"as":"XX000"}' });
    expect(await write(made.store, [...old, ...itemList(3), bad])).toMatchObject({
      stored: 3,
      duplicates: 10,
      rejected: [{ item: bad, action: 'retry', code: 'XX000' }],
    });
  });

  it('may be every record of the batch', async () => {
    const outcome = await write(
      made.store,
      itemList(100, () => ({ message: 'poison', information: '{"as":"P0001"}' })),
    );
    expect(outcome.stored).toBe(0);
    expect(outcome.rejected).toHaveLength(100);
  });
});

describe('a record that is refused alone', () => {
  it.each([
    ['by a trigger after each row', poison(raise('P0001'), 'after insert on logs.records for each row')],
    [
      'by a trigger that waits for the COMMIT',
      poison(raise('P0001'), 'after insert on logs.records deferrable initially deferred for each row'),
    ],
    [
      'by a trigger for the whole statement',
      `create function logs.poison() returns trigger language plpgsql as $$
       begin if exists (select from added where message = 'poison') then ${raise('P0001')}; end if; return null; end $$;
       create trigger poison after insert on logs.records referencing new table as added for each statement
         execute function logs.poison()`,
    ],
  ])('%s is found although the server does not name its line', async (_, sql) => {
    const { store } = await storeWith(sql);
    const bad = [item({ message: 'poison' }), item({ message: 'poison' })];
    const items = [...itemList(100), bad[0]!, ...itemList(300), bad[1]!, ...itemList(5)];
    const outcome = await write(store, items);
    expect(outcome).toMatchObject({ stored: 405, duplicates: 0 });
    expect(outcome.rejected.map((each) => each.item)).toEqual(bad);
  });

  it('is refused three times before it is rejected', async () => {
    const made = await storeWith(poison(`perform nextval('logs.tries'); ${raise('P0001')}`));
    const outcome = await write(made.store, [item({ message: 'poison' })]);
    expect(outcome.rejected).toHaveLength(1);
    expect(await tries(made)).toBe(3);
  });

  it('becomes a dead letter if it is too large for PostgreSQL, which reports an internal error', async () => {
    const { store } = await storeWith(
      poison(`raise exception 'invalid memory alloc request size 1073741824' using errcode = 'XX000'`),
    );
    const outcome = await write(store, [item(), item({ message: 'poison' })]);
    expect(outcome).toMatchObject({ stored: 1, rejected: [{ action: 'dead-letter', code: '54000' }] });
  });

  it('is stored if it is finally accepted', async () => {
    // Three times with the others; the sixth is the third time alone.
    const made = await storeWith(poison(`if nextval('logs.tries') < 6 then ${raise('53200')}; end if`));
    expect(await write(made.store, [...itemList(5), item({ message: 'poison' })])).toEqual({
      stored: 6,
      duplicates: 0,
      rejected: [],
    });
  });

  it('is not rejected while a probe row is refused too', async () => {
    const { store, sql } = await storeWith(`create function logs.no() returns trigger language plpgsql as $$
      begin perform nextval('logs.tries'); ${raise('XX000')}; end $$;
      create trigger no before insert on logs.records for each row execute function logs.no()`);
    await expect(write(store, itemList(3))).rejects.toMatchObject({ sqlstate: 'XX000' });
    await sql('drop trigger no on logs.records');
    expect(await write(store, itemList(3))).toMatchObject({ stored: 3 });
  });

  it('is distinguished from a disk with space for a small probe row, but not for a row of its size', async () => {
    const { store } = await storeWith(`create function logs.full() returns trigger language plpgsql as $$
      begin if octet_length(new::text) > 20000 then ${raise('53100')}; end if; return new; end $$;
      create trigger full_disk before insert on logs.records for each row execute function logs.full()`);
    const large = item({ message: 'x'.repeat(30_000) });
    await expect(write(store, [item(), large])).rejects.toMatchObject({ sqlstate: '53100' });
  });

  it('is distinguished from other records if a trigger refuses its service', async () => {
    const { store } = await storeWith(`create function logs.no() returns trigger language plpgsql as $$
      begin if new.service = 'shop' then ${raise('P0001')}; end if; return new; end $$;
      create trigger no before insert on logs.records for each row execute function logs.no()`);
    const outcome = await write(store, [item(), item({ service: 'api' }), item({ service: 'web' })]);
    expect(outcome).toMatchObject({ stored: 2, rejected: [{ action: 'retry', code: 'P0001' }] });
  });
});

describe('a record that takes longer than a statement may', () => {
  /** Records the timeout of each attempt, which is canceled immediately. */
  const cancelled = (timing?: string) =>
    `create sequence logs.t1; create sequence logs.t2; create sequence logs.t3; create sequence logs.t4;
     create sequence logs.t5; create sequence logs.t6; create sequence logs.t7; create sequence logs.t8;
     ${poison(
       `perform setval(format('logs.t%s', nextval('logs.tries')),
          (extract(epoch from current_setting('statement_timeout')::interval) * 1000)::bigint); ${raise('57014')}`,
       timing,
     )}`;
  const timeouts = async ({ sql }: TestStore) => {
    const rows = await sql(
      `select last_value::int as ms from pg_sequences where schemaname = 'logs' and sequencename ~ 't\\d' order by sequencename`,
    );
    return rows.map(({ ms }) => ms).filter((ms) => ms !== null);
  };
  const limits = { statementTimeoutMs: 30_000, writeTimeoutMs: 60_000 };

  it('costs the full timeout once, and then a tenth of it', async () => {
    const made = await storeWith(cancelled(), limits);
    const bad = item({ message: 'poison' });
    const outcome = await write(made.store, [...itemList(2000), bad, ...itemList(2000)]);
    expect(outcome).toMatchObject({ stored: 4000, rejected: [{ item: bad, action: 'retry', code: '57014' }] });
    // Three times with all others, three times alone.
    expect(await timeouts(made)).toEqual([30_000, 3000, 3000, 3000, 3000, 3000]);
  });

  it('gets its share of the timeout once if it is large', async () => {
    const made = await storeWith(cancelled(), limits);
    const bad = { ...item({ message: 'poison' }), raw: Buffer.alloc(100_000) };
    const good = itemList(20).map((each) => ({ ...each, raw: Buffer.alloc(5000) }));
    await write(made.store, [bad, ...good]);
    expect(await timeouts(made)).toEqual([30_000, 3000, 3000, 15_000, 3000, 3000]);
  });

  it('gets a tenth when it is retried', async () => {
    const made = await storeWith(cancelled(), limits);
    const bad = item({ message: 'poison' });
    expect(await write(made.store, [bad], { retried: true })).toMatchObject({ rejected: [{ item: bad }] });
    expect(await timeouts(made)).toEqual([3000, 3000, 3000]);
  });

  it('is found within eight attempts if the server does not name its line', async () => {
    const made = await storeWith(cancelled('after insert on logs.records for each row'), limits);
    const bad = item({ message: 'poison' });
    const outcome = await write(made.store, [...itemList(100), bad, ...itemList(155)]);
    expect(outcome).toMatchObject({ stored: 255, rejected: [{ item: bad, code: '57014' }] });
    // Among 256, among 16, then alone.
    expect(await timeouts(made)).toEqual([30_000, 3000, 3000, 3000, 3000, 3000, 3000]);
  });

  it('is canceled by the server and isolated', async () => {
    const { store } = await storeWith(poison('perform pg_sleep(60)'), { statementTimeoutMs: 300 });
    const bad = item({ message: 'poison' });
    const outcome = await write(store, [...itemList(50), bad]);
    expect(outcome).toMatchObject({ stored: 50, rejected: [{ item: bad, action: 'retry', code: '57014' }] });
  });
});

it('all kinds of bad records in one batch are found, and all others stored', async () => {
  const { store, sql } = await storeWith(
    `alter table logs.records add constraint polite check (message <> 'damn');
     create function logs.kinds() returns trigger language plpgsql as $$ begin
       if new.message = 'XX000' then ${raise('XX000')}; end if;
       if new.message = 'slow' then perform pg_sleep(60); end if;
       return new; end $$;
     create trigger kinds before insert on logs.records for each row execute function logs.kinds()`,
    { statementTimeoutMs: 300 },
  );
  const bad = [
    item({ information: '{"a":"\\u0000"}' }),
    item({ message: 'damn' }),
    item({ message: 'XX000' }),
    item({ message: 'slow' }),
  ];
  const good = itemList(60);
  const items = bad.flatMap((each, index) => [...good.slice(index * 10, index * 10 + 10), each]);
  const outcome = await write(store, [...items, ...good.slice(40)]);
  expect(outcome.stored).toBe(60);
  expect(outcome.rejected.map(({ action, code }) => `${action} ${code}`)).toEqual([
    'dead-letter 22P05',
    'retry 23514',
    'retry XX000',
    'retry 57014',
  ]);
  expect(outcome.rejected.map((each) => each.item)).toEqual(bad);
  expect(await sql(count)).toEqual([{ n: 60 }]);
});

describe('a record that ends its session', () => {
  const killer = poison('perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(60)');

  it.each([1, 40])('is found among %i, and all others are stored once', async (records) => {
    const { store, sql } = await storeWith(killer);
    const bad = item({ message: 'poison' });
    const outcome = await write(store, [...itemList(records - 1), bad]);
    expect(outcome).toEqual({
      stored: records - 1,
      duplicates: 0,
      rejected: [{ item: bad, action: 'retry', code: '57P01', message: expect.stringMatching(/connection was lost/) }],
    });
    expect(await sql(count)).toEqual([{ n: records - 1 }]);
    expect(await write(store, itemList(3))).toMatchObject({ stored: 3 });
  });

  it('is found among records that are bad in other ways', async () => {
    const { store, sql } = await storeWith(killer);
    const items = [
      ...itemList(5),
      item({ message: '\0' }),
      ...itemList(5),
      item({ message: 'poison' }),
      ...itemList(5),
    ];
    const outcome = await write(store, [...items, item({ message: '\0' })]);
    expect(outcome.rejected.map(({ action, code }) => `${action} ${code}`).sort()).toEqual([
      'dead-letter 22021',
      'dead-letter 22021',
      'retry 57P01',
    ]);
    expect(await sql(count)).toEqual([{ n: 15 }]);
  });

  it.each(['57P02', '08006', '25P03'])('with SQLSTATE %s is found too', async (code) => {
    const { store } = await storeWith(poison(raise(code)));
    const bad = item({ message: 'poison' });
    const outcome = await write(store, [item(), bad]);
    expect(outcome).toMatchObject({ stored: 1, rejected: [{ item: bad, action: 'retry', code }] });
  });
});

describe('a record that crashes the server', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  it('is found across the resulting pauses', async () => {
    const store = storeOn(server.url);
    await store.migrate();
    // The shell's parent is the backend; the server ends all sessions then, and recovers.
    await server.query(poison("copy (select 1) to program 'kill -9 $PPID'"));
    const bad = item({ message: 'poison' });
    let pauses = 0;
    const outcome = await eventually(
      async () => {
        try {
          return await write(store, [bad]);
        } catch (error) {
          pauses++;
          await eventually(() => store.probe());
          throw error;
        }
      },
      { withinMs: 19_000, everyMs: 1 },
    );
    expect(outcome.rejected).toMatchObject([{ item: bad, action: 'retry' }]);
    expect(pauses).toBeGreaterThan(0);
    expect(await write(store, itemList(3))).toMatchObject({ stored: 3 });
  });
});
