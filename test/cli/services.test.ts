/** `loghive services`. */
import { tmpdir } from 'node:os';
import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { createConsumer } from '../../consumer/index.js';
import { newStore } from '../consumer/store/database.js';
import { onEnd, uniqueName, useBroker } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { useTerminal } from './dev-terminal.js';
import { loghive, program } from './run-loghive.js';

async function useServices() {
  const { url, sql } = await newStore();
  const run = (command: string, ...args: string[]) => loghive(['services', command, ...args, '--database-url', url]);
  const known = async () => (await sql('select service from logs.services order by 1')).map(({ service }) => service);
  return { url, sql, run, known };
}

test('services are listed with their times, whatever the table contains', async () => {
  const { run, sql } = await useServices();
  expect((await run('list')).stdout).toEqual([expect.stringMatching(/^no services\./)]);
  expect(await run('list', '-o', 'json')).toEqual({ code: 0, stdout: [], stderr: [] });
  await sql(
    `insert into logs.services values ('shop', '2026-01-31 10:30:45+00', '2026-02-01 00:00+02'), (E'\\x1b[2J\\u202e', now(), now())`,
  );
  const { stdout } = await run('list');
  expect(stdout).toHaveLength(3);
  expect(stdout[1]).toMatch(/^\\x1b\[2J\\u202e /);
  expect(stdout[2]).toMatch(/^shop +2026-01-31 10:30:45 {2}2026-01-31 22:00:00$/);
  const [json] = (await run('list', '-o', 'json')).stdout.slice(-1);
  expect(JSON.parse(json!)).toEqual({
    service: 'shop',
    firstSeen: '2026-01-31T10:30:45.000000Z',
    lastSeen: '2026-01-31T22:00:00.000000Z',
  });
});

test('services are added once, and removed only after confirmation', { timeout: 60_000 }, async () => {
  const { run, known, url } = await useServices();
  expect((await run('add', 'shop', 'till', 'shop')).stdout).toEqual(['added shop.', 'added till.']);
  expect((await run('add', 'till')).stdout).toEqual(['till already exists.']);
  expect(await run('remove', 'shop')).toMatchObject({
    code: 2,
    stdout: [],
    stderr: [
      expect.stringMatching(
        /^loghive: services remove: Remove service shop\? Its queues and their messages are kept;.* pass --yes to skip it\.$/,
      ),
    ],
  });
  expect(await known()).toEqual(['shop', 'till']);
  const terminal = useTerminal(`${process.execPath} ${program} services remove shop --database-url ${url}`, {
    cwd: tmpdir(),
  });
  await terminal.shows(/Remove service shop\? .*\[y\/N\] /);
  terminal.type('y\r');
  expect(await terminal.ended).toBe(0);
  expect(await known()).toEqual(['till']);
  expect(await run('remove', 'tilll', '--yes')).toMatchObject({
    code: 2,
    stderr: ['loghive: services remove: there is no service "tilll"; did you mean "till"?'],
  });
});

test.each(['quorum', 'classic'] as const)(
  'queues of type %s are deleted with their service if they are empty and have no consumers',
  { timeout: 60_000 },
  async (queueType) => {
    const { run, known, url } = await useServices();
    const broker = await useBroker();
    const service = uniqueName('svc');
    const consumer = createConsumer([service], { url: broker.url, databaseUrl: url, queueType });
    await consumer.start();
    onEnd(() => consumer.stop());
    const queues = async () =>
      (await broker.listQueues())
        .map(({ name }) => name)
        .filter((name) => name.startsWith(service))
        .sort();
    const remove = () => run('remove', service, '--delete-queues', '--yes', '--url', broker.url);
    await run('add', service);
    const used = await remove();
    expect(used.code).toBe(1);
    expect(used.stdout).toContain(`queue ${service}_debug_logs not deleted: it has 1 consumer.`);
    await consumer.stop();

    const connection = await connect(broker.url);
    onEnd(() => connection.close());
    const channel = await connection.createConfirmChannel();
    const publish = async () => {
      channel.publish('logs_exchange', `${service}.error`, Buffer.from('{}'), { persistent: true });
      await channel.waitForConfirms();
    };
    await publish();
    await eventually(
      async () => (await broker.listQueues()).find(({ name }) => name === `${service}_error_logs`)?.messages === 1,
    );
    const full = await remove();
    expect(full.code).toBe(1);
    expect(full.stdout).toEqual([
      `queue ${service}_error_logs not deleted: it holds 1 message.`,
      `${service} was not removed. When its queues are empty, stop its producers and consumers, then try again.`,
    ]);
    expect([await known(), (await queues()).length]).toEqual([[service], 5]);
    await channel.purgeQueue(`${service}_error_logs`);
    const gone = await remove();
    expect([gone.code, gone.stderr]).toEqual([0, []]);
    expect(gone.stdout.sort()).toEqual([
      ...['critical', 'debug', 'error', 'info', 'warning'].map((level) => `deleted queue ${service}_${level}_logs.`),
      `removed ${service}. Running consumers started without service names keep consuming it until they restart.`,
    ]);
    expect([await known(), await queues()]).toEqual([[], []]);
  },
);

test.each<[string[], RegExp]>([
  [['services', 'add'], /missing required argument 'services'\. See loghive services add --help\.$/],
  [['services', 'add', 'a b'], /^loghive: services add: the name is "a b", expected a service name of/],
  [['services', 'remove', '../x'], /^loghive: services remove: the name is "\.\.\/x", expected a service name/],
  [
    ['services', 'remove', 'x', '--delete-queues', '--url', 'http://u:secret@h'],
    /option --url is "http:\/\/u:\*\*\*@h"/,
  ],
  [['services', 'drop'], /unknown command 'drop'/],
])('a usage error is one line and exit code 2: loghive %j', async (args, words) => {
  const { code, stdout, stderr } = await loghive([...args, '--database-url', 'postgres://u:secret@127.0.0.1:1/d']);
  expect(stderr.join('\n')).toMatch(words);
  expect(stderr).toHaveLength(1);
  expect([code, stdout]).toEqual([2, []]);
});

test.each([['list'], ['add', 'shop'], ['remove', 'shop', '--yes']])(
  'services %s reports an unreachable database',
  async (...args) => {
    expect(await loghive(['services', ...args, '--database-url', 'postgres://u:secret@127.0.0.1:1/d'])).toMatchObject({
      code: 1,
      stdout: [],
      stderr: [expect.stringMatching(/^loghive: PostgreSQL: nothing listens at 127\.0\.0\.1:1\./)],
    });
  },
);
