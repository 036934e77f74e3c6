/** Interruptions of `loghive services remove --delete-queues`: a queue that is kept must still receive records. */
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { createConsumer } from '../../consumer/index.js';
import { LoggerClient } from '../../src/index.js';
import { newStore } from '../consumer/store/database.js';
import { AMQP } from '../support/breakpoint-proxy.mjs';
import { onEnd, uniqueName, useBreakpointProxy, useBroker, useChild, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { program } from './run-loghive.js';

/** The command working on five empty queues without consumers, and a connected producer of their service. */
async function useRemoval(queueType: 'quorum' | 'classic' = 'quorum') {
  const [{ url: databaseUrl, sql }, broker] = await Promise.all([newStore(), useBroker()]);
  const service = uniqueName('svc');
  const client = new LoggerClient({ service, url: broker.url, queueType });
  onEnd(() => client.close());
  client.info('the first');
  await client.flush();
  const startConsumer = async () => {
    const consumer = createConsumer([service], { url: broker.url, databaseUrl, workers: 0, queueType });
    onEnd(() => consumer.stop());
    await consumer.start();
    return consumer;
  };
  const stored = async () => (await sql('select message from logs.records order by ts, id')).map((row) => row.message);
  const consumer = await startConsumer();
  await eventually(async () => expect(await stored()).toEqual(['the first']));
  await consumer.stop();
  const vhost = `<<"${broker.vhost}">>`;
  const bound = async (): Promise<string[]> => {
    const names: string[] = JSON.parse(
      await broker.admin.eval(`rabbit_json:encode([Q || {binding, {resource, _, exchange, <<"logs_exchange">>}, _,
        {resource, _, queue, Q}, _} <- rabbit_binding:list(${vhost})])`),
    );
    return names.filter((name) => name.startsWith(service)).sort();
  };
  const all = await bound();
  expect(all).toHaveLength(5);
  const proxy = await useProxy(broker.url);
  const breakpoints = await useBreakpointProxy(proxy.url(broker.url), AMQP);
  // A separate user, whose permissions can be revoked.
  const commandUrl = await broker.admin.addUser(service, 'secret', { vhost: broker.vhost });
  onEnd(() => broker.admin.deleteUser(service));
  const args = ['services', 'remove', service, '--delete-queues', '--yes', '--database-url', databaseUrl];
  const env = { QUEUE_TYPE: queueType };
  const command = useChild(program, { args: [...args, '--url', breakpoints.url(commandUrl)], cwd: tmpdir(), env });
  command.stdin.end();
  await eventually(async () => expect(await bound()).toEqual([]));
  return { all, bound, broker, client, command, breakpoints, proxy, service, startConsumer, stored };
}

test('a signal ends the command once the bindings are restored', { timeout: 60_000 }, async () => {
  const { all, bound, command, startConsumer, stored, client } = await useRemoval();
  await command.kill('SIGTERM');
  expect(await command.exited).toEqual({ code: 1, signal: null });
  expect(command.stderr).toEqual(['loghive services: SIGTERM: restoring the bindings of queues that were not deleted']);
  expect(command.stdout.sort()).toEqual(all.map((queue) => `queue ${queue} not deleted: the command was interrupted.`));
  expect(await bound()).toEqual(all);
  client.info('the second');
  await client.flush();
  await startConsumer();
  await eventually(async () => expect(await stored()).toEqual(['the first', 'the second']));
});

test('a lost connection is reopened, and the queues are deleted', { timeout: 60_000 }, async () => {
  const { all, bound, command, proxy } = await useRemoval();
  await proxy.reset();
  expect(await command.exited).toEqual({ code: 0, signal: null });
  expect(command.stderr).toEqual([]);
  expect(command.stdout.sort()).toEqual([...all.map((queue) => `deleted queue ${queue}.`), expect.any(String)]);
  expect(await bound()).toEqual([]);
});

test('a deletion whose reply is lost deletes no later messages', { timeout: 60_000 }, async () => {
  const { all, bound, broker, client, command, breakpoints, proxy, startConsumer, stored } = await useRemoval();
  await breakpoints.stopAt({ from: 'server', is: ({ method }) => method === 'queue.delete-ok', nth: 5 });
  expect((await broker.listQueues()).filter(({ name }) => all.includes(name))).toEqual([]);
  const levels = ['debug', 'info', 'warning', 'error', 'critical'] as const;
  for (const level of levels) client[level](level);
  await client.flush();
  await proxy.reset();
  expect(await command.exited).toEqual({ code: 1, signal: null });
  const [staying = '', ...others] = command.stdout.toSorted().reverse();
  expect(others).toEqual(Array(4).fill(expect.stringMatching(/^deleted queue /)));
  expect(staying).toMatch(/^queue \S+ not deleted: it holds 1 message\.$/);
  expect(await bound()).toEqual(all);
  await startConsumer();
  await eventually(async () => expect(await stored()).toEqual(['the first', ...levels]));
});

test('a signal ends the command although a queue does not answer', { timeout: 60_000 }, async () => {
  const { all, bound, broker, command } = await useRemoval('classic');
  const [stuck = '', ...others] = all;
  const process = `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"${broker.vhost}">>, queue, <<"${stuck}">>)), Pid = amqqueue:get_pid(Q)`;
  onEnd(() => broker.admin.eval(`${process}, catch sys:resume(Pid)`));
  await broker.admin.eval(`${process}, sys:suspend(Pid)`);
  const questions = `${process}, {messages, All} = process_info(Pid, messages), length([asked || {'$gen_call', _, _} <- All])`;
  await eventually(async () => expect(await broker.admin.eval(questions)).not.toBe('0'));
  await command.kill('SIGTERM');
  expect(await command.exited).toEqual({ code: 1, signal: null });
  expect(command.stdout.sort()).toEqual([
    expect.stringMatching(new RegExp(`^queue ${stuck} not deleted: cannot inspect queue .*[^.]\\.$`)),
    ...others.map((queue) => `queue ${queue} not deleted: the command was interrupted.`),
  ]);
  expect(await bound()).toEqual(all);
});

test('a queue whose binding cannot be restored is reported, and so are the others', {
  timeout: 60_000,
}, async () => {
  const { all, bound, broker, command, service } = await useRemoval();
  await broker.admin.setPermissions(service, broker.vhost, { write: '^(?!.*_error_logs$)' });
  await command.kill('SIGTERM');
  expect(await command.exited).toEqual({ code: 1, signal: null });
  const isRefused = (queue: string) => queue.endsWith('_error_logs');
  expect(command.stdout.sort()).toEqual(
    all.map((queue) =>
      isRefused(queue)
        ? expect.stringMatching(
            new RegExp(
              `^queue ${queue} not deleted: it could not be bound to exchange "logs_exchange" again: ACCESS_REFUSED`,
            ),
          )
        : `queue ${queue} not deleted: the command was interrupted.`,
    ),
  );
  expect(await bound()).toEqual(all.filter((queue) => !isRefused(queue)));
});

test('a queue deleted by somebody else in the meantime counts as deleted', { timeout: 60_000 }, async () => {
  const { all, broker, command } = await useRemoval();
  const [gone = '', ...others] = all;
  await broker.admin.deleteQueue(gone, broker.vhost);
  await command.kill('SIGTERM');
  expect(await command.exited).toEqual({ code: 1, signal: null });
  expect(command.stdout.sort()).toEqual([
    `deleted queue ${gone}.`,
    ...others.map((queue) => `queue ${queue} not deleted: the command was interrupted.`),
  ]);
});

test('if the command is killed in between, a connected producer binds its queue again', {
  timeout: 60_000,
}, async () => {
  const { all, bound, command, client, startConsumer, stored } = await useRemoval();
  await command.kill('SIGKILL');
  expect(await bound()).toEqual([]);
  client.error('the second');
  await client.flush();
  expect(await bound()).toEqual(all.filter((queue) => queue.endsWith('_error_logs')));
  // The consumer binds all others.
  await startConsumer();
  expect(await bound()).toEqual(all);
  client.info('the third');
  await eventually(async () => expect(await stored()).toEqual(['the first', 'the second', 'the third']));
});
