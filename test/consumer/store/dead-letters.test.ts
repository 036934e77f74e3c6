import { describe, expect, it } from 'vitest';
import type { DeadLetter } from '../../../consumer/store/index.js';
import { uuidv7 } from '../../../src/uuid.js';
import { POSTGRES } from '../../support/breakpoint-proxy.mjs';
import { useBreakpointProxy } from '../../support/use-servers.js';
import { newStore, storeOn, unavailable, writeLetters } from './database.js';

function letter(changes: Partial<DeadLetter> = {}): DeadLetter {
  return {
    raw: Buffer.from([0, 1, 0xff, 0x5c, 0x0a]),
    code: '22021',
    reason: 'invalid byte sequence',
    attempts: 1,
    queue: 'shop_info_logs',
    routingKey: 'shop.info',
    headers: {},
    ...changes,
  };
}

describe('dead letters', () => {
  it('keep the raw bytes and all known properties', async () => {
    const { store, sql } = await newStore();
    const recordId = uuidv7(Date.now() * 1000);
    const one = letter({
      service: 'shop',
      level: 'INFO',
      recordId,
      headers: { 'x-loghive-attempt': 3, nested: { a: [1] } },
    });
    await writeLetters(store, [one]);
    const [row] = await sql('select * from logs.dead_letters');
    expect(row).toMatchObject({
      raw: one.raw,
      code: '22021',
      reason: 'invalid byte sequence',
      attempts: 1,
      queue: 'shop_info_logs',
      routing_key: 'shop.info',
      headers: { 'x-loghive-attempt': 3, nested: { a: [1] } },
      service: 'shop',
      level: 'INFO',
      record_id: recordId,
      seen: 1,
    });
    expect(row.first_seen).toEqual(row.last_seen);
  });

  it('that are redelivered are counted, not stored again', async () => {
    const { store, sql } = await newStore();
    await writeLetters(store, [letter(), letter({ raw: Buffer.from('other') })]);
    await writeLetters(store, [letter({ attempts: 2, reason: 'later' }), letter({ attempts: 2, reason: 'later' })]);
    const rows = await sql(
      'select seen, attempts, reason, last_seen > first_seen as later from logs.dead_letters order by seen',
    );
    expect(rows).toEqual([
      { seen: 1, attempts: 1, reason: 'invalid byte sequence', later: false },
      { seen: 3, attempts: 2, reason: 'later', later: true },
    ]);
  });

  it('that are large get the time they need', async () => {
    const { store, sql } = await newStore({ statementTimeoutMs: 300, writeTimeoutMs: 600 });
    await sql(`
      create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return new; end $$;
      create trigger slow before insert on logs.dead_letters for each row execute function slow()`);
    await writeLetters(store, [letter({ raw: Buffer.alloc(4 * 1024 * 1024, 'x') })]);
    expect(await sql('select octet_length(raw) as bytes from logs.dead_letters')).toEqual([{ bytes: 4 * 1024 * 1024 }]);
    await unavailable(writeLetters(store, [letter()]));
  });

  it('of another queue or routing key are separate', async () => {
    const { store, sql } = await newStore();
    const raw = Buffer.from('b');
    await writeLetters(store, [
      letter({ queue: 'a', routingKey: 'b', raw }),
      letter({ queue: 'ab', routingKey: '', raw }),
      letter({ queue: 'a', routingKey: 'bb', raw: Buffer.alloc(0) }),
    ]);
    expect(await sql('select count(*)::int as n from logs.dead_letters')).toEqual([{ n: 3 }]);
  });

  it('may have headers of any AMQP type', async () => {
    const { store, sql } = await newStore();
    const headers = {
      bytes: Buffer.from([0, 255]),
      big: 2n ** 63n,
      time: { '!': 'timestamp', value: 1_700_000_000 },
      decimal: { '!': 'decimal', value: { places: 2, digits: 1234 } },
      date: new Date(0),
      nul: 'a\0b',
      'key\0': 'lone \ud800',
      none: null,
      missing: undefined,
      float: Number.NaN,
      list: [1, 'two', { three: Buffer.from('3') }],
    };
    await writeLetters(store, [letter({ headers })]);
    const [{ headers: stored }] = await sql('select headers from logs.dead_letters');
    expect(stored).toMatchObject({ time: headers.time, decimal: headers.decimal, date: '1970-01-01T00:00:00.000Z' });
    expect(JSON.stringify(stored)).toContain('9223372036854775808');
    expect(stored.nul).toMatch(/^a.b$/);
  });

  it('are stored with characters escaped that PostgreSQL text cannot contain', async () => {
    const { store, sql } = await newStore();
    await writeLetters(store, [
      letter({
        reason: `a\0${'x'.repeat(100_000)}`,
        code: 'NO\0',
        queue: 'q\0',
        level: '\ud800',
        service: '\0',
        recordId: 'no uuid',
        // From a header that any publisher can set.
        attempts: 2 ** 40,
      }),
    ]);
    const [row] = await sql('select length(reason) as length, record_id, level, attempts from logs.dead_letters');
    expect(row).toEqual({ length: 4000, record_id: null, level: '\ufffd', attempts: 2_147_483_647 });
  });

  it('may be many and large', async () => {
    const { store, sql } = await newStore();
    const many = Array.from({ length: 1500 }, (_, index) => letter({ raw: Buffer.from(`letter ${index}`) }));
    const large = Array.from({ length: 3 }, (_, index) => letter({ raw: Buffer.alloc(5_000_000, index) }));
    await writeLetters(store, [...many, ...large]);
    expect(await sql('select count(*)::int as n, max(length(raw))::int as most from logs.dead_letters')).toEqual([
      { n: 1503, most: 5_000_000 },
    ]);
  });

  it('are all stored if one of them is refused, including that one', async () => {
    const { store, sql } = await newStore();
    await sql(`alter table logs.dead_letters add check (not headers ? 'evil')`);
    await writeLetters(store, [
      letter({ raw: Buffer.from('a') }),
      letter({ raw: Buffer.from('b'), headers: { evil: 1 } }),
      letter({ raw: Buffer.from('c') }),
    ]);
    const rows = await sql(
      `select convert_from(raw, 'UTF8') as raw, headers, reason from logs.dead_letters order by 1`,
    );
    expect(rows.map(({ raw }) => raw)).toEqual(['a', 'b', 'c']);
    expect(rows[1]).toMatchObject({ headers: {}, reason: expect.stringContaining('headers were refused') });
  });

  it('pause storage if the table is missing', async () => {
    const { store, sql } = await newStore();
    await sql('drop table logs.dead_letters');
    expect((await unavailable(writeLetters(store, [letter()]))).sqlstate).toBe('42P01');
  });

  it('of two concurrent consumers never deadlock', async () => {
    const { store, url, sql } = await newStore();
    const other = storeOn(url);
    const letters = Array.from({ length: 400 }, (_, index) => letter({ raw: Buffer.from(`${index}`) }));
    const rounds = Array.from({ length: 5 }, () => [
      writeLetters(store, letters),
      writeLetters(other, [...letters].reverse()),
    ]);
    await Promise.all(rounds.flat());
    expect(await sql('select count(*)::int as n, min(seen) as least from logs.dead_letters')).toEqual([
      { n: 400, least: 10 },
    ]);
  });

  it('that only probe the table do not block another probe', async () => {
    const { store, url } = await newStore();
    const breakpoints = await useBreakpointProxy(url, POSTGRES);
    const other = storeOn(breakpoints.url(url));
    // The transaction of its probe is open and contains the dead letter.
    const stands = breakpoints.stopAt({
      from: 'client',
      is: ({ text }) => /^insert into \S+services /.test(text ?? ''),
    });
    const probing = other.probe();
    probing.catch(() => {});
    await stands;
    await store.probe();
    // Otherwise the other store would wait for a reply when the test ends.
    await breakpoints.stop();
  });
});
