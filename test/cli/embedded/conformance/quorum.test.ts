import { useBothBrokers } from './conversation.js';
import type { Stage } from './stage.js';

const { conversation } = useBothBrokers();

/** A channel with a quorum queue `q` that holds one message, and a queue `dead` for its dead letters. */
async function quorum({ confirming, name }: Stage, more: Record<string, string | number> = {}) {
  const channel = await confirming();
  const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name('dead') };
  await channel.call('queue.declare', { queue: name('dead') });
  const all = { 'x-queue-type': 'quorum', ...letters, ...more };
  await channel.call('queue.declare', { queue: name('q'), durable: true, arguments: all });
  channel.publish('', name('q'), 'one', { properties: { deliveryMode: 2, headers: { own: true } } });
  await channel.confirmed(1);
  return channel;
}

conversation('a quorum queue counts redeliveries', async (stage) => {
  const channel = await quorum(stage);
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  for (let deliveryTag = 1; deliveryTag <= 4; deliveryTag += 1) {
    await channel.receive('basic.deliver');
    if (deliveryTag < 4) channel.send('basic.nack', { deliveryTag, requeue: true });
  }
  channel.send('basic.ack', { deliveryTag: 4 });
  await channel.call('basic.cancel', { consumerTag: 'reader' });
  await channel.call('queue.delete', { queue: stage.name('q') });
});

conversation('a get of a quorum queue shows the count as well', async (stage) => {
  const channel = await quorum(stage);
  await channel.call('basic.get', { queue: stage.name('q') });
  channel.send('basic.reject', { deliveryTag: 1, requeue: true });
  await stage.holds(stage.name('q'), 1);
  await channel.call('basic.get', { queue: stage.name('q') });
  channel.send('basic.ack', { deliveryTag: 2 });
  await channel.call('basic.get', { queue: stage.name('q') });
});

conversation('closing the channel counts as a requeue', async (stage) => {
  const channel = await quorum(stage);
  const other = await channel.peer.channel(2);
  await other.call('basic.get', { queue: stage.name('q') });
  await other.call('channel.close', { replyCode: 200 });
  await stage.holds(stage.name('q'), 1);
  await channel.call('basic.get', { queue: stage.name('q') });
});

conversation('a message without headers only gets the delivery count', async (stage) => {
  const channel = await quorum(stage);
  await channel.call('basic.get', { queue: stage.name('q'), noAck: true });
  channel.publish('', stage.name('q'), 'bare');
  await channel.confirmed(2);
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await channel.receive('basic.deliver');
  channel.send('basic.reject', { deliveryTag: 2, requeue: true });
  await channel.receive('basic.deliver');
});

conversation('a message requeued more often than the limit is dead-lettered', async (stage) => {
  const channel = await quorum(stage, { 'x-delivery-limit': 2 });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  for (let deliveryTag = 1; deliveryTag <= 3; deliveryTag += 1) {
    await channel.receive('basic.deliver');
    channel.send('basic.nack', { deliveryTag, requeue: true });
  }
  await stage.holds(stage.name('dead'), 1);
  await channel.drain(stage.name('dead'));
});

conversation('a delivery limit of zero allows one delivery', async (stage) => {
  const channel = await quorum(stage, { 'x-delivery-limit': 0 });
  await channel.call('basic.get', { queue: stage.name('q') });
  channel.send('basic.reject', { deliveryTag: 1, requeue: true });
  await stage.holds(stage.name('dead'), 1);
  await channel.drain(stage.name('dead'));
});

conversation('a quorum queue dead-letters rejected messages', async (stage) => {
  const channel = await quorum(stage);
  await channel.call('basic.get', { queue: stage.name('q') });
  channel.send('basic.reject', { deliveryTag: 1, requeue: false });
  await stage.holds(stage.name('dead'), 1);
  await channel.drain(stage.name('dead'));
});

conversation('a quorum queue dead-letters messages rejected after a requeue', async (stage) => {
  const channel = await quorum(stage);
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await channel.receive('basic.deliver');
  channel.send('basic.nack', { deliveryTag: 1, requeue: true });
  await channel.receive('basic.deliver');
  channel.send('basic.nack', { deliveryTag: 2, requeue: false });
  await stage.holds(stage.name('dead'), 1);
  await channel.drain(stage.name('dead'));
});

conversation('a quorum queue dead-letters expired messages', async (stage) => {
  const channel = await quorum(stage, { 'x-message-ttl': 50 });
  await stage.holds(stage.name('dead'), 1);
  await channel.drain(stage.name('dead'));
});

conversation('a quorum queue also dead-letters at least once', async (stage) => {
  const strategy = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish', 'x-message-ttl': 50 };
  const channel = await quorum(stage, strategy);
  await stage.holds(stage.name('dead'), 1);
  await channel.drain(stage.name('dead'));
});

conversation('at-least-once dead-lettering works through an exchange and for per-message expiration', async (stage) => {
  const { call, publish, confirmed, drain } = await stage.confirming();
  const all = {
    'x-queue-type': 'quorum',
    'x-dead-letter-exchange': stage.name('dlx'),
    'x-dead-letter-routing-key': 'dead',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  };
  await call('exchange.declare', { exchange: stage.name('dlx'), type: 'direct' });
  await call('queue.declare', { queue: stage.name('dead') });
  await call('queue.bind', { queue: stage.name('dead'), exchange: stage.name('dlx'), routingKey: 'dead' });
  await call('queue.declare', { queue: stage.name('q'), durable: true, arguments: all });
  publish('', stage.name('q'), 'x', { properties: { expiration: '20' } });
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('a quorum queue has no global prefetch: 540', async (stage) => {
  const channel = await quorum(stage);
  await channel.call('basic.qos', { prefetchCount: 5, global: true });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
});

conversation('a quorum queue respects a consumer’s prefetch', async (stage) => {
  const channel = await quorum(stage);
  channel.publish('', stage.name('q'), 'two');
  await channel.confirmed(2);
  await channel.call('basic.qos', { prefetchCount: 1 });
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await channel.receive('basic.deliver');
  channel.send('basic.ack', { deliveryTag: 1 });
  await channel.receive('basic.deliver');
});

conversation('a quorum queue is purged and deleted', async (stage) => {
  const channel = await quorum(stage);
  await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
  await channel.call('queue.purge', { queue: stage.name('q') });
  await channel.call('queue.delete', { queue: stage.name('q') });
  await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
});

for (const condition of ['ifUnused', 'ifEmpty']) {
  conversation(`a quorum queue is not deleted ${condition}: a 540`, async (stage) => {
    const channel = await quorum(stage);
    await channel.call('queue.delete', { queue: stage.name('q'), [condition]: true });
  });
}

conversation('a consumer is notified that its quorum queue was deleted', async (stage) => {
  const channel = await quorum(stage);
  const other = await channel.peer.channel(2);
  await other.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader', noAck: true });
  await other.receive('basic.deliver');
  await channel.call('queue.delete', { queue: stage.name('q') });
  await other.receive('basic.cancel');
});
