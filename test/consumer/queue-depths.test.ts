import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { QueueDepths } from '../../consumer/queue-depths.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { useConnection } from '../support/use-connection.js';
import { onEnd, useBroker } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

async function useDepths(queues: string[], answerMs?: number) {
  const broker = await useBroker();
  const { connection, received } = useConnection(broker.url);
  let opened: OpenConnection | undefined;
  connection.events.on('ready', (open) => {
    opened = open;
  });
  connection.events.on('lost', () => {
    opened = undefined;
  });
  await eventually(() => received.length > 0);
  const own = await connect(broker.url);
  onEnd(() => own.close().catch(() => {}));
  const channel = await own.createConfirmChannel();
  const ended = new AbortController();
  const options = answerMs === undefined ? {} : { answerMs };
  const depths = new QueueDepths({
    openConnection: () => opened,
    queues: () => queues,
    roundMs: 50,
    signal: ended.signal,
    ...options,
  });
  const watched = depths.watch();
  onEnd(async () => {
    ended.abort();
    await watched;
  });
  const figures = () => depths.all.map(({ queue, messages, consumers }) => [queue, messages, consumers]);
  return { broker, connection, channel, figures };
}

test('messages and consumers of each existing queue are known and kept up to date', async () => {
  const queues = ['one', 'two', 'missing'];
  const { channel, figures } = await useDepths(queues);
  for (const queue of ['one', 'two']) await channel.assertQueue(queue);
  for (let n = 0; n < 3; n++) channel.sendToQueue('one', Buffer.from('x'));
  await channel.waitForConfirms();
  await eventually(() =>
    expect(figures()).toEqual(
      expect.arrayContaining([
        ['one', 3, 0],
        ['two', 0, 0],
      ]),
    ),
  );
  await channel.consume('one', () => {});
  // Unacknowledged messages do not count.
  await eventually(() => expect(figures()).toContainEqual(['one', 0, 1]));
  await channel.deleteQueue('two');
  await eventually(() => expect(figures()).toEqual([['one', 0, 1]]));
  queues.splice(0, queues.length, 'missing');
  await eventually(() => expect(figures()).toEqual([]));
});

test('no queues are reported while the broker is unreachable', async () => {
  const { broker, channel, connection, figures } = await useDepths(['one']);
  await channel.assertQueue('one');
  await eventually(() => expect(figures()).toEqual([['one', 0, 0]]));
  await connection.close();
  await broker.closeConnections();
  await eventually(() => expect(figures()).toEqual([]));
});

test('a queue that never answers uses one channel, and is known again when it answers', async () => {
  const { broker, channel, figures } = await useDepths(['stuck', 'well'], 50);
  for (const queue of ['stuck', 'well']) await channel.assertQueue(queue);
  await eventually(() => expect(figures()).toHaveLength(2));
  const process = `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"${broker.vhost}">>, queue, <<"stuck">>)), Pid = amqqueue:get_pid(Q)`;
  onEnd(() => broker.admin.eval(`${process}, catch sys:resume(Pid)`));
  const channels = async () =>
    (await broker.admin.listConnections({ vhost: broker.vhost })).reduce((sum, one) => sum + one.channels, 0);
  await broker.admin.eval(`${process}, sys:suspend(Pid)`);
  await eventually(() => expect(figures()).toEqual([['well', 0, 0]]));
  // The channels of this queue, the other queue, the connection's health check and the test; and one that is about to
  // close.
  const most = 5;
  for (let messages = 1; messages <= 2 * most; messages++) {
    channel.sendToQueue('well', Buffer.from('x'));
    await channel.waitForConfirms();
    await eventually(() => expect(figures()).toEqual([['well', messages, 0]]));
  }
  expect(await channels()).toBeLessThanOrEqual(most);
  await broker.admin.eval(`${process}, sys:resume(Pid)`);
  await eventually(() => expect(figures()).toContainEqual(['stuck', 0, 0]));
});
