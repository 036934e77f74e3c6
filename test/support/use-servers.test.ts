import amqp from 'amqplib';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { administer as administerPostgres } from './postgres-admin.mjs';
import { administer as administerRabbitmq } from './rabbitmq-admin.mjs';
import { uniqueName, useBroker, useDatabase, useProxy } from './use-servers.js';
import { eventually } from './wait.mjs';

const left = { vhosts: [] as string[], databases: [] as string[] };

const broker = await useBroker();
const database = await useDatabase();

// Declared after the two above, so it runs before their teardown: vitest runs teardowns in reverse order.
afterAll(async () => {
  const vhosts = await administerRabbitmq(inject('rabbitmq')).eval('rabbit_json:encode(rabbit_vhost:list_names())');
  expect(JSON.parse(vhosts)).toContain(broker.vhost);
  for (const vhost of left.vhosts) expect(JSON.parse(vhosts)).not.toContain(vhost);
  const databases = await administerPostgres(inject('postgres')).query('select datname from pg_database');
  const names = databases.map((row) => row.datname);
  expect(names).toContain(database.name);
  for (const name of left.databases) expect(names).not.toContain(name);
});

let fromHook = '';
beforeAll(async () => {
  fromHook = (await useDatabase()).name;
});

test('each file has its own vhost on the shared node', async () => {
  const connection = await amqp.connect(broker.url);
  const channel = await connection.createConfirmChannel();
  const queue = uniqueName('queue');
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  channel.sendToQueue(queue, Buffer.from('x'), { persistent: true });
  await channel.waitForConfirms();
  expect(await broker.listQueues()).toMatchObject([{ name: queue, type: 'quorum', ready: 1, unacked: 0, messages: 1 }]);
  const closed = new Promise((resolve) => connection.once('close', resolve));
  connection.on('error', () => {});
  expect(await broker.closeConnections()).toBe(1);
  await closed;
});

test('each file has its own database on the shared server', async () => {
  await database.query('create table t (n int)');
  await database.query('insert into t values ($1)', [7]);
  expect(await database.query<{ n: number }>('select n from t')).toEqual([{ n: 7 }]);
  expect(fromHook).not.toBe(database.name);
});

test('a test can have its own vhost and database, which are deleted at its end', async () => {
  left.vhosts.push((await useBroker()).vhost);
  left.databases.push((await useDatabase()).name);
});

test('users have the granted permissions', async () => {
  const name = uniqueName('user');
  const url = await broker.admin.addUser(name, 'p@ss/word', { vhost: broker.vhost, configure: '', read: '' });
  const connection = await amqp.connect(url);
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  await expect(channel.assertQueue(uniqueName())).rejects.toThrow(/ACCESS_REFUSED|403/);
  await connection.close();
  await broker.admin.deleteUser(name);
});

test('a proxy leads to the broker', async () => {
  const proxy = await useProxy(broker.url);
  const connection = await amqp.connect(proxy.url(broker.url));
  const closed = new Promise((resolve) => connection.once('close', resolve));
  connection.on('error', () => {});
  await eventually(() => proxy.connections === 1);
  await proxy.reset();
  await closed;
});
