/** Dead letters that cannot be written roll back the records of their batch: nothing is stored repeatedly. */
import { describe, expect, it } from 'vitest';
import type { Batch, DeadLetter, Rejected } from '../../../consumer/store/index.js';
import { onEnd, uniqueName } from '../../support/use-servers.js';
import { item, itemList, newStore, storeOn, unavailable, urlAs, write } from './database.js';

let made = 0;

function letter(changes: Partial<DeadLetter> = {}): DeadLetter {
  return {
    raw: Buffer.from(`no record ${++made}`),
    code: 'invalid',
    reason: 'it is not JSON',
    attempts: 1,
    queue: 'shop_info_logs',
    routingKey: 'shop.info',
    headers: {},
    ...changes,
  };
}

const letterOf = ({ item: { raw }, code, message }: Rejected) => letter({ raw, code, reason: message });

/** A store with a role that is not a superuser, so that privileges and policies apply. */
async function limitedStore() {
  const { sql, url } = await newStore();
  const role = uniqueName('role');
  onEnd(() => sql(`drop owned by ${role}; drop role ${role}`));
  await sql(`create role ${role} login password 'x'; grant usage on schema logs to ${role};
    grant select, insert, update on all tables in schema logs to ${role}`);
  const counts = async () =>
    (
      await sql(`select (select count(*)::int from logs.records) as records,
        (select coalesce(sum(seen), 0)::int from logs.dead_letters) as letters`)
    )[0];
  return { sql, counts, role, store: storeOn(urlAs(url, role, 'x')) };
}

const no = (when: string, code = 'P0001') => `create function logs.no() returns trigger language plpgsql as $$
  begin if ${when} then raise exception 'no letters today' using errcode = '${code}'; end if; return new; end $$`;

const refusals: Array<[name: string, refuse: string, mend: string, words: RegExp]> = [
  [
    'rights',
    'revoke insert on logs.dead_letters from ROLE',
    'grant insert on logs.dead_letters to ROLE',
    /lacks privileges/,
  ],
  [
    'a row-level security policy',
    `alter table logs.dead_letters enable row level security;
     create policy none on logs.dead_letters with check (false); create policy all_seen on logs.dead_letters for select using (true)`,
    'alter table logs.dead_letters disable row level security',
    /row-level security policy/,
  ],
  [
    'a trigger',
    `${no('true')}; create trigger no before insert on logs.dead_letters for each row execute function logs.no()`,
    'drop trigger no on logs.dead_letters',
    /no letters today/,
  ],
  [
    'a trigger with a code of records',
    `${no('true', '23001')}; create trigger no before insert on logs.dead_letters for each row execute function logs.no()`,
    'drop trigger no on logs.dead_letters',
    /no letters today/,
  ],
  [
    'a trigger that waits for the COMMIT',
    `${no('true', '23001')}; create constraint trigger no after insert on logs.dead_letters deferrable initially deferred
       for each row execute function logs.no()`,
    'drop trigger no on logs.dead_letters',
    /no letters today/,
  ],
  [
    'a trigger that ends the session',
    `create function logs.no() returns trigger language plpgsql security definer as $$
     begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(60); return new; end $$;
     create trigger no before insert on logs.dead_letters for each row execute function logs.no()`,
    'drop trigger no on logs.dead_letters',
    /terminating connection/,
  ],
  [
    'a missing table',
    'alter table logs.dead_letters rename to others',
    'alter table logs.others rename to dead_letters',
    /loghive migrate/,
  ],
  [
    'a missing column',
    'alter table logs.dead_letters rename attempts to tries',
    'alter table logs.dead_letters rename tries to attempts',
    /column/,
  ],
  [
    'a new NOT NULL column',
    'alter table logs.dead_letters add owner text not null',
    'alter table logs.dead_letters drop owner',
    /NOT NULL column/,
  ],
];

describe('dead letters that are refused', () => {
  const batches: Array<[name: string, more: () => Partial<Batch>]> = [
    ['that came with the batch', () => ({ letters: [letter(), letter()] })],
    ['of records of the batch', () => ({ letterOf })],
  ];

  it.each(refusals.flatMap((refusal) => batches.map((batch) => [...refusal, ...batch] as const)))(
    'by %s',
    async (_, refuse, mend, words, name, more) => {
      const { store, sql, counts, role } = await limitedStore();
      await write(store, itemList(1));
      await sql(`truncate logs.records; ${refuse.replaceAll('ROLE', role)}`);
      const isOwn = name === 'that came with the batch';
      // As redelivered from a queue: records without an id get a new one each time.
      const batch = () => [...itemList(6), ...(isOwn ? [] : [item({ message: '\0' }), item({ message: 'a\0' })])];
      const same = more();
      for (let round = 0; round < 3; round++) {
        const error = await unavailable(write(store, batch(), same));
        expect(error.reason).toMatch(words);
        // The pause lasts as long as the dead letters are refused.
        expect((await unavailable(store.probe())).reason).toMatch(words);
        expect(await sql('select count(*)::int as n from logs.records')).toEqual([{ n: 0 }]);
      }
      await sql(mend.replaceAll('ROLE', role));
      await store.probe();
      expect(await write(store, batch(), same)).toMatchObject({ stored: 6, rejected: { length: isOwn ? 0 : 2 } });
      expect(await counts()).toEqual({ records: 6, letters: 2 });
    },
  );

  it('because of their content keep storage paused until these are accepted', async () => {
    const { store, sql, counts } = await limitedStore();
    await sql(`${no(`new.queue = 'api_info_logs'`)};
      create trigger no before insert on logs.dead_letters for each row execute function logs.no()`);
    const bad = letter({ queue: 'api_info_logs' });
    await write(store, itemList(2), { letters: [letter()] });
    await unavailable(write(store, itemList(2), { letters: [letter(), bad] }));
    expect((await unavailable(store.probe())).reason).toMatch(/no letters today/);
    await sql('drop trigger no on logs.dead_letters');
    await store.probe();
    await write(store, itemList(2), { letters: [letter(), bad] });
    expect(await counts()).toEqual({ records: 4, letters: 3 });
  });

  it('because they are redelivered pause storage too', async () => {
    const { store, sql, counts } = await limitedStore();
    const again = letter();
    await write(store, itemList(1), { letters: [again] });
    await sql(`${no('true')};
      create trigger no before update on logs.dead_letters for each row execute function logs.no()`);
    await unavailable(write(store, itemList(1), { letters: [again] }));
    await unavailable(store.probe());
    await sql('drop trigger no on logs.dead_letters');
    await store.probe();
    await write(store, itemList(1), { letters: [again] });
    expect(await counts()).toEqual({ records: 2, letters: 2 });
  });

  it('do not affect a batch without dead letters', async () => {
    const { store, sql, role } = await limitedStore();
    await sql(`revoke insert on logs.dead_letters from ${role}`);
    expect(await write(store, itemList(3))).toMatchObject({ stored: 3 });
    expect(await write(store, [item({ message: '\0' })], { letterOf: () => undefined })).toMatchObject({
      rejected: [{ code: '22021' }],
    });
  });
});

describe('dead letters and records', () => {
  it('become visible together or not at all', async () => {
    const { store, sql } = await newStore();
    // Dead letters are inserted last: if one is visible, so are the records of its transaction.
    await sql(`create table logs.at (what text, xid xid8);
      create function logs.note() returns trigger language plpgsql as $$
      begin insert into logs.at values (tg_table_name, pg_current_xact_id()); return null; end $$;
      create trigger note after insert on logs.records for each row execute function logs.note();
      create trigger note after insert on logs.dead_letters for each row execute function logs.note()`);
    const old = itemList(2);
    await write(store, old);
    const kinds = [
      write(store, itemList(2), { letters: [letter()] }),
      write(store, [...old, item()], { letters: [letter()] }),
      write(store, [item(), item({ message: '\0' })], { letters: [letter()], letterOf }),
    ];
    await Promise.all(kinds);
    const rows = await sql(`select array_agg(distinct what order by what) as what from logs.at
      group by xid having bool_or(what = 'dead_letters')`);
    expect(rows).toHaveLength(3);
    expect(new Set(rows.map(({ what }) => what.length))).toEqual(new Set([2]));
  });

  it('of a record that ends its session are stored with the records after it', async () => {
    const { store, sql } = await newStore();
    await sql(`create function logs.kill() returns trigger language plpgsql as $$
      begin if new.message = 'killer' then perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(60); end if;
      return new; end $$;
      create trigger kill before insert on logs.records for each row execute function logs.kill()`);
    const outcome = await write(store, [...itemList(20), item({ message: 'killer' })], {
      letters: [letter()],
      letterOf,
    });
    expect(outcome).toMatchObject({ stored: 20, rejected: [{ code: '57P01' }] });
    expect(await sql('select code, seen from logs.dead_letters order by code')).toEqual([
      { code: '57P01', seen: 1 },
      { code: 'invalid', seen: 1 },
    ]);
  });
});

describe('the probe', () => {
  it('succeeds for a role without the UPDATE privilege, and leaves nothing behind', async () => {
    const { store, sql, role } = await limitedStore();
    await sql(`revoke update on all tables in schema logs from ${role}`);
    await store.probe();
    const rows = await sql(`select (select count(*) from logs.records)::int as records,
      (select count(*) from logs.dead_letters)::int as letters, (select count(*) from logs.services)::int as services`);
    expect(rows).toEqual([{ records: 0, letters: 0, services: 0 }]);
  });

  it.each([
    ['without privileges on the services table', 'revoke all on logs.services from ROLE'],
    ['without that table', 'drop table logs.services'],
    [
      'whose table of services refuses everything',
      `${no('true', 'XX000')}; create trigger no before insert on logs.services for each row execute function logs.no()`,
    ],
  ])('succeeds for a role %s', async (_, sql) => {
    const limited = await limitedStore();
    await limited.sql(sql.replaceAll('ROLE', limited.role));
    await limited.store.probe();
    expect(await limited.store.saveServices(['shop'])).toMatchObject({ refused: expect.any(String) });
    expect(await write(limited.store, itemList(1))).toMatchObject({ stored: 1 });
  });

  it.each([
    ['records may not be read, which duplicates need', 'revoke select on logs.records from ROLE', '42501'],
    ['records are refused', 'revoke insert on logs.records from ROLE', '42501'],
  ])('fails while %s', async (_, sql, sqlstate) => {
    const { store, sql: run, role } = await limitedStore();
    await run(sql.replaceAll('ROLE', role));
    expect((await unavailable(store.probe())).sqlstate).toBe(sqlstate);
  });

  it('succeeds if a constraint allows only known services', async () => {
    const { store, sql } = await newStore();
    await sql(`alter table logs.records add check (service in ('shop', 'api'))`);
    await write(store, itemList(1));
    await store.probe();
  });
});
