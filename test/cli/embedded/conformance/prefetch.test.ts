import { useBothBrokers } from './conversation.js';
import type { Stage } from './stage.js';

const { conversation } = useBothBrokers();

/** Publishes this many messages, numbered from '1', to the queue `q`. */
async function fill({ confirming, name }: Stage, count: number): Promise<void> {
  const channel = await confirming();
  await channel.call('queue.declare', { queue: name('q') });
  for (let n = 1; n <= count; n += 1) channel.publish('', name('q'), `${n}`);
  await channel.confirmed(count);
}

conversation(
  'a consumer gets as many messages as its prefetch, and another one for each acknowledgement',
  async (stage) => {
    await fill(stage, 5);
    const channel = await stage.channel();
    await channel.call('basic.qos', { prefetchCount: 2 });
    await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
    await channel.receive('basic.deliver', 2);
    await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
    channel.send('basic.ack', { deliveryTag: 1 });
    await channel.receive('basic.deliver', 1);
    channel.send('basic.ack', { deliveryTag: 3, multiple: true });
    await channel.receive('basic.deliver', 2);
  },
);

conversation('each consumer of a channel has its own prefetch', async (stage) => {
  await fill(stage, 5);
  const channel = await stage.channel();
  await channel.call('basic.qos', { prefetchCount: 1 });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'one' });
  await channel.receive('basic.deliver');
  await channel.call('basic.qos', { prefetchCount: 2 });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'two' });
  await channel.receive('basic.deliver', 2);
  await channel.settled(stage.name('q'));
  await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
});

conversation('a prefetch applies to later consumers', async (stage) => {
  await fill(stage, 4);
  const channel = await stage.channel();
  await channel.call('basic.qos', { prefetchCount: 1 });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'one' });
  await channel.receive('basic.deliver');
  await channel.call('basic.qos', { prefetchCount: 3 });
  await channel.settled(stage.name('q'));
  await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
});

conversation('the consumers of a channel share a global prefetch', async (stage) => {
  await fill(stage, 5);
  const channel = await stage.channel();
  await channel.call('basic.qos', { prefetchCount: 3, global: true });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'one' });
  await channel.receive('basic.deliver', 3);
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'two' });
  await channel.settled(stage.name('q'));
  await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
});

conversation('raising a global prefetch delivers more messages', async (stage) => {
  await fill(stage, 4);
  const channel = await stage.channel();
  await channel.call('basic.qos', { prefetchCount: 1, global: true });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'one' });
  await channel.receive('basic.deliver');
  await channel.call('basic.qos', { prefetchCount: 3, global: true });
  await channel.receive('basic.deliver', 2);
  await channel.settled(stage.name('q'));
  await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
});

conversation('removing a global prefetch delivers all messages', async (stage) => {
  await fill(stage, 4);
  const channel = await stage.channel();
  await channel.call('basic.qos', { prefetchCount: 1, global: true });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'one' });
  await channel.receive('basic.deliver');
  await channel.call('basic.qos', { prefetchCount: 0, global: true });
  await channel.receive('basic.deliver', 3);
});

conversation('both kinds of prefetch apply together', async (stage) => {
  await fill(stage, 6);
  const channel = await stage.channel();
  await channel.call('basic.qos', { prefetchCount: 3, global: true });
  await channel.call('basic.qos', { prefetchCount: 2 });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'one' });
  await channel.receive('basic.deliver', 2);
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'two' });
  await channel.receive('basic.deliver', 1);
  await channel.settled(stage.name('q'));
  await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
});

conversation('without a prefetch all messages are delivered', async (stage) => {
  await fill(stage, 6);
  const channel = await stage.channel();
  await channel.call('basic.qos', { prefetchCount: 0 });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await channel.receive('basic.deliver', 6);
});

conversation('a no-ack consumer has no prefetch', async (stage) => {
  await fill(stage, 5);
  const channel = await stage.channel();
  await channel.call('basic.qos', { prefetchCount: 1 });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader', noAck: true });
  await channel.receive('basic.deliver', 5);
});

conversation('a get does not count toward the prefetch', async (stage) => {
  await fill(stage, 4);
  const channel = await stage.channel();
  await channel.call('basic.qos', { prefetchCount: 1 });
  await channel.call('basic.get', { queue: stage.name('q') });
  await channel.call('basic.get', { queue: stage.name('q') });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await channel.receive('basic.deliver');
  await channel.settled(stage.name('q'));
  await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
});

conversation('requeueing frees the prefetch', async (stage) => {
  await fill(stage, 2);
  const channel = await stage.channel();
  await channel.call('basic.qos', { prefetchCount: 1 });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await channel.receive('basic.deliver');
  channel.send('basic.reject', { deliveryTag: 1, requeue: true });
  await channel.receive('basic.deliver');
  channel.send('basic.reject', { deliveryTag: 2, requeue: false });
  await channel.receive('basic.deliver');
});

conversation('a prefetch by size is refused with 540', async ({ channel }) => {
  const { call } = await channel();
  await call('basic.qos', { prefetchSize: 1 });
});

conversation('two consumers that acknowledge in turn share the work in turn', async (stage) => {
  await fill(stage, 6);
  const [one, two] = [await stage.channel(), await stage.channel()];
  for (const [channel, consumerTag] of [
    [one, 'one'],
    [two, 'two'],
  ] as const) {
    await channel.call('basic.qos', { prefetchCount: 1 });
    await channel.call('basic.consume', { queue: stage.name('q'), consumerTag });
    await channel.receive('basic.deliver');
  }
  for (const deliveryTag of [1, 2]) {
    for (const channel of [two, one]) {
      channel.send('basic.ack', { deliveryTag });
      await channel.receive('basic.deliver');
    }
  }
});

conversation('the channel keeps the unacknowledged messages of a canceled consumer', async (stage) => {
  await fill(stage, 3);
  const [one, two] = [await stage.channel(), await stage.channel()];
  await one.call('basic.qos', { prefetchCount: 2 });
  await one.call('basic.consume', { queue: stage.name('q'), consumerTag: 'one' });
  await one.receive('basic.deliver', 2);
  await one.call('basic.cancel', { consumerTag: 'one' });
  await two.call('basic.consume', { queue: stage.name('q'), consumerTag: 'two' });
  await two.receive('basic.deliver');
  await one.call('channel.close', { replyCode: 200 });
  await two.receive('basic.deliver', 2);
});
