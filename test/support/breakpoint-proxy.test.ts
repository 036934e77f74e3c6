import { connect } from 'amqplib';
import pg from 'pg';
import { expect, test } from 'vitest';
import { AMQP, POSTGRES } from './breakpoint-proxy.mjs';
import { useBreakpointProxy, useBroker, useDatabase } from './use-servers.js';
import { eventually } from './wait.mjs';

async function useSession() {
  const database = await useDatabase();
  await database.query('create table notes (text text)');
  const breakpoints = await useBreakpointProxy(database.url, POSTGRES);
  const client = new pg.Client({ connectionString: breakpoints.url(database.url), application_name: 'writer' });
  client.on('error', () => {});
  await client.connect();
  const notes = async () => (await database.query('select count(*)::int as n from notes'))[0].n as number;
  const state = async () =>
    (await database.query(`select state from pg_stat_activity where application_name = 'writer'`))[0]?.state as string;
  return { breakpoints, client, notes, state };
}

test('everything before the breakpoint reaches the server, and nothing after it, even when the client is gone', async () => {
  const { breakpoints, client, notes, state } = await useSession();
  const stopped = breakpoints.stopAt({ from: 'client', is: ({ type, text }) => type === 'Q' && text === 'commit' });
  await client.query('begin');
  await client.query('insert into notes values ($1)', ['one']);
  const committed = client.query('commit');
  committed.catch(() => {});
  expect(await stopped).toMatchObject({
    type: 'Q',
    text: 'commit',
    previous: 'insert into notes values ($1)',
    application: 'writer',
  });
  expect(await state()).toBe('idle in transaction');
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  await eventually(async () => (await state()) === undefined);
  expect(await notes()).toBe(0);
});

test("the server's answer at the breakpoint is not received, although the server has executed the statement", async () => {
  const { breakpoints, client, notes } = await useSession();
  const stopped = breakpoints.stopAt({ from: 'server', is: ({ type, text }) => type === 'C' && text === 'COMMIT' });
  let answered = false;
  const work = client.query(`begin; insert into notes values ('one'); commit`).then(() => {
    answered = true;
  });
  work.catch(() => {});
  expect(await stopped).toMatchObject({ previous: 'INSERT 0 1', application: 'writer' });
  expect(await notes()).toBe(1);
  expect(answered).toBe(false);
});

test('an AMQP message is recognized by its method, and other connections continue', async () => {
  const broker = await useBroker();
  const breakpoints = await useBreakpointProxy(broker.url, AMQP);
  const open = async () => {
    const connection = await connect(breakpoints.url(broker.url));
    connection.on('error', () => {});
    return connection.createConfirmChannel();
  };
  const [one, other] = await Promise.all([open(), open()]);
  await one.assertQueue('orders');
  const isPublish = ({ method }: { method?: string | undefined }) => method === 'basic.publish';
  const third = breakpoints.stopAt({ from: 'client', is: isPublish, nth: 3 });
  let confirmed = 0;
  const send = (channel: typeof one) =>
    channel.publish('', 'orders', Buffer.from('x'), {}, (error) => {
      confirmed += error ? 0 : 1;
    });
  for (let n = 0; n < 4; n++) send(one);
  expect(await third).toEqual({ method: 'basic.publish', exchange: '' });
  await eventually(async () => (await broker.listQueues())[0]!.messages === 2);
  await eventually(() => confirmed === 2);
  const confirm = breakpoints.stopAt({ from: 'server', is: ({ method }) => method === 'basic.ack' });
  send(other);
  await confirm;
  expect((await broker.listQueues())[0]!.messages).toBe(3);
  expect(confirmed).toBe(2);
});
