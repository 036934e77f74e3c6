import { useBothBrokers } from './conversation.js';

const { conversation } = useBothBrokers();

for (const [method, args] of [
  ['queue.declare', { exclusive: true }],
  ['queue.declare', { passive: true }],
  ['queue.declare', {}],
  ['queue.bind', { exchange: 'amq.direct', routingKey: 'k' }],
  ['queue.unbind', { exchange: 'amq.direct', routingKey: 'k' }],
  ['queue.purge', {}],
  ['queue.delete', {}],
  ['basic.get', {}],
  ['basic.consume', {}],
] as const) {
  const shown = JSON.stringify(args);
  conversation(`${method} ${shown} of another connection's exclusive queue is a 405`, async ({ channel, name }) => {
    const owner = await channel();
    const other = await channel();
    await owner.call('queue.declare', { queue: name('q'), exclusive: true });
    await other.call(method, { queue: name('q'), ...args });
  });
}

conversation('another connection unbinds an exclusive queue', async ({ channel, confirming, name }) => {
  const owner = await confirming();
  const other = await channel();
  const binding = { queue: name('q'), exchange: 'amq.direct', routingKey: name('k') };
  await owner.call('queue.declare', { queue: name('q'), exclusive: true });
  await owner.call('queue.bind', binding);
  await other.call('queue.unbind', binding);
  owner.publish('amq.direct', name('k'), 'x', { mandatory: true });
  await owner.confirmed(1);
});

conversation('an exclusive queue is open to all channels of its connection', async ({ connect, name }) => {
  const peer = await connect();
  const [one, two] = [await peer.channel(1), await peer.channel(2)];
  await one.call('queue.declare', { queue: name('q'), exclusive: true });
  await two.call('queue.declare', { queue: name('q'), exclusive: true });
  await one.call('channel.close', { replyCode: 200 });
  await two.call('queue.declare', { queue: name('q'), passive: true });
});

conversation('an exclusive queue ends with its connection', async ({ channel, name, gone }) => {
  const owner = await channel();
  await owner.call('queue.declare', { queue: name('q'), exclusive: true });
  owner.peer.send(0, 'connection.close', { replyCode: 200, replyText: 'bye' });
  await gone(name('q'));
  const other = await channel();
  await other.call('queue.declare', { queue: name('q'), exclusive: true });
});

conversation('an exclusive queue ends with a connection that breaks', async ({ connect, channel, name, gone }) => {
  const peer = await connect();
  const owner = await peer.channel(1);
  await owner.call('queue.declare', { queue: name('q'), exclusive: true });
  peer.destroy();
  await gone(name('q'));
  const other = await channel();
  await other.call('queue.declare', { queue: name('q'), passive: true });
});

conversation('any connection may publish to an exclusive queue', async ({ channel, confirming, name }) => {
  const owner = await channel();
  const other = await confirming();
  await owner.call('queue.declare', { queue: name('q'), exclusive: true });
  other.publish('', name('q'), 'x', { mandatory: true });
  await other.confirmed(1);
  await owner.drain(name('q'));
});

conversation('an auto-delete queue is deleted with its last consumer', async ({ channel, name, gone }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q'), autoDelete: true });
  await call('basic.consume', { queue: name('q'), consumerTag: 'one' });
  await call('basic.consume', { queue: name('q'), consumerTag: 'two' });
  await call('basic.cancel', { consumerTag: 'one' });
  await call('queue.declare', { queue: name('q'), passive: true });
  await call('basic.cancel', { consumerTag: 'two' });
  await gone(name('q'));
  await call('queue.declare', { queue: name('q'), passive: true });
});

conversation('an auto-delete queue is deleted when its consumer’s channel closes', async ({ connect, name, gone }) => {
  const peer = await connect();
  const [one, two] = [await peer.channel(1), await peer.channel(2)];
  await one.call('queue.declare', { queue: name('q'), autoDelete: true });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'one' });
  await one.call('channel.close', { replyCode: 200 });
  await gone(name('q'));
  await two.call('queue.declare', { queue: name('q'), passive: true });
});

conversation('an auto-delete queue that never had a consumer stays', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q'), autoDelete: true });
  await call('basic.get', { queue: name('q') });
  const other = await channel();
  await other.call('queue.declare', { queue: name('q'), passive: true });
});

conversation('a queue with x-expires is deleted after being unused for that time', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q'), arguments: { 'x-expires': 60 } });
  await call('queue.declare', { queue: name('p'), arguments: { 'x-expires': 250 } });
  await call('basic.consume', { queue: name('p'), consumerTag: 'reader' });
  const other = await channel();
  await new Promise((resolve) => setTimeout(resolve, 500));
  // A passive declare counts as use, so check once, after ample time.
  await other.call('queue.declare', { queue: name('p'), passive: true });
  await other.call('queue.declare', { queue: name('q'), passive: true });
});

conversation('a queue is deleted with its messages, and deleting it again succeeds', async ({ confirming, name }) => {
  const { call, publish, confirmed } = await confirming();
  await call('queue.declare', { queue: name('q') });
  for (const body of ['1', '2', '3']) publish('', name('q'), body);
  await confirmed(3);
  await call('queue.delete', { queue: name('q') });
  await call('queue.delete', { queue: name('q') });
  await call('queue.declare', { queue: name('q'), passive: true });
});

conversation('a queue with a consumer is not deleted if-unused', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await call('queue.delete', { queue: name('q'), ifUnused: true });
});

conversation('a queue with a message is not deleted if-empty', async ({ confirming, name }) => {
  const { call, publish, confirmed } = await confirming();
  await call('queue.declare', { queue: name('q') });
  publish('', name('q'), 'x');
  await confirmed(1);
  await call('queue.delete', { queue: name('q'), ifEmpty: true });
});

conversation('a queue that is unused and empty is deleted with both conditions', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('queue.delete', { queue: name('q'), ifUnused: true, ifEmpty: true });
});

conversation('a delete with nowait gets no reply but takes effect', async ({ channel, name }) => {
  const { call, send } = await channel();
  await call('queue.declare', { queue: name('q') });
  send('queue.delete', { queue: name('q'), nowait: true });
  await call('queue.declare', { queue: name('q'), passive: true });
});

conversation('a purge removes ready messages and keeps unacknowledged ones', async ({ confirming, name }) => {
  const { call, publish, confirmed, send } = await confirming();
  await call('queue.declare', { queue: name('q') });
  for (const body of ['1', '2', '3']) publish('', name('q'), body);
  await confirmed(3);
  await call('basic.get', { queue: name('q') });
  await call('queue.purge', { queue: name('q') });
  await call('queue.purge', { queue: name('q') });
  send('basic.reject', { deliveryTag: 1, requeue: true });
  await call('basic.get', { queue: name('q') });
});

conversation('a purge of a queue that does not exist closes the channel with 404', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.purge', { queue: name('missing') });
});

conversation('a purge with nowait gets no reply but takes effect', async ({ confirming, name }) => {
  const { call, publish, confirmed, send } = await confirming();
  await call('queue.declare', { queue: name('q') });
  publish('', name('q'), 'x');
  await confirmed(1);
  send('queue.purge', { queue: name('q'), nowait: true });
  await call('basic.get', { queue: name('q') });
});
