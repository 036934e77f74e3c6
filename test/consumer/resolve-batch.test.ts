/** What becomes of a batch, from the queue on: records, retries and dead letters. */
import { gzipSync } from 'node:zlib';
import { connect, type Options } from 'amqplib';
import { expect, test } from 'vitest';
import { onEnd } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';
import { eventually } from '../support/wait.mjs';

/** A consumer of two services that retries twice, soon. */
async function useConsumer() {
  const { broker, database, consumer, service } = await useStack(2, { retryDelaysMs: [100, 100] });
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const [shop, api] = [service(), service()];
  /** Without ids, as other languages publish them: each time a message comes again they are given new ones. */
  const line = (of: string, message: string) =>
    JSON.stringify({ service: of, level: 'INFO', message, information: {}, timestamp: new Date().toISOString() });
  const publish = async (of: string, body: Buffer, options: Options.Publish) => {
    channel.publish('logs_exchange', `${of}.info`, body, { persistent: true, ...options });
    await channel.waitForConfirms();
  };
  const send = (of: string, ...lines: string[]) =>
    publish(of, Buffer.from(lines.join('\n')), { contentType: 'application/x-ndjson' });
  const messages = async () =>
    (await database.query('select message from logs.records order by message')).map((row) => row.message);
  const letters = () =>
    database.query(
      `select convert_from(raw, 'UTF8') as raw, code, attempts, seen from logs.dead_letters order by code, raw`,
    );
  return { database, consumer, shop, api, line, publish, send, messages, letters };
}

const raise = (code: string) => `raise exception 'no' using errcode = '${code}'`;

test.each([
  ['P0001', raise('P0001')],
  ['XX000', raise('XX000')],
  ['57014', raise('57014')],
  ['57P01', 'perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(60)'],
])(
  'a record that is refused with %s each time is retried, and at last a dead letter; nothing waits for it',
  async (code, what) => {
    const { database, consumer, shop, api, line, send, messages, letters } = await useConsumer();
    await database.query(`create function logs.poison() returns trigger language plpgsql as $$
    begin if new.message = 'poison' then ${what}; end if; return new; end $$`);
    await database.query(
      'create trigger poison before insert on logs.records for each row execute function logs.poison()',
    );
    const poison = line(shop, 'poison');
    await Promise.all([
      send(shop, line(shop, 'a'), poison, line(shop, 'b')),
      send(api, line(api, 'c'), line(api, 'd')),
    ]);
    await eventually(async () => (await letters()).length === 1, { withinMs: 15_000 });
    expect(await letters()).toEqual([{ raw: poison, code, attempts: 3, seen: 1 }]);
    expect(await messages()).toEqual(['a', 'b', 'c', 'd']);
    expect(consumer.status()).toMatchObject({ state: 'running', counts: { pauses: 0, retried: 2, deadLetters: 1 } });
  },
);

test('a message that is refused for good is kept as it was delivered, however often it was tried', async () => {
  const { database, publish, shop, line } = await useConsumer();
  await database.query(`create function logs.poison() returns trigger language plpgsql as $$
    begin if new.message = 'a £' then ${raise('P0001')}; end if; return new; end $$`);
  await database.query('create trigger p before insert on logs.records for each row execute function logs.poison()');
  const body = gzipSync(Buffer.from(line(shop, 'a £'), 'latin1'));
  await publish(shop, body, { contentType: 'application/json; charset=latin1', contentEncoding: 'gzip' });
  const letters = () => database.query('select raw, code, attempts, headers from logs.dead_letters');
  await eventually(async () => (await letters()).length === 1, { withinMs: 15_000 });
  expect(await letters()).toMatchObject([
    {
      raw: body,
      code: 'P0001',
      attempts: 3,
      headers: {
        'x-loghive-content-type': 'application/json; charset=latin1',
        'x-loghive-content-encoding': 'gzip',
      },
    },
  ]);
});

test('records without ids are stored once although the dead letter beside them is refused again and again', async () => {
  const { database, consumer, shop, line, send, messages, letters } = await useConsumer();
  await database.query('create sequence public.tries');
  await database.query(`create function logs.no() returns trigger language plpgsql as $$
    begin perform nextval('public.tries'); raise exception 'no letters today'; end $$`);
  await database.query('create trigger no before insert on logs.dead_letters for each row execute function logs.no()');
  await send(shop, line(shop, 'a'), 'no record', line(shop, 'b'));
  await send(shop, line(shop, 'c'));
  const tries = async () => (await database.query('select last_value::int as n from public.tries'))[0].n;
  await eventually(async () => (await tries()) >= 4, { withinMs: 15_000 });
  expect(consumer.status()).toMatchObject({
    state: 'paused',
    health: 'unhealthy',
    reason: expect.stringMatching(/no letters today/),
  });
  expect(await messages()).not.toContain('a');
  await database.query('drop trigger no on logs.dead_letters');
  await eventually(async () => (await messages()).length === 3 && consumer.status().inHand === 0, { withinMs: 15_000 });
  expect(await messages()).toEqual(['a', 'b', 'c']);
  expect(await letters()).toEqual([{ raw: 'no record', code: 'invalid', attempts: expect.any(Number), seen: 1 }]);
});
