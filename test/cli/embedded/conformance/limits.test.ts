import { useBothBrokers } from './conversation.js';
import type { Stage } from './stage.js';

const { conversation } = useBothBrokers();

/** A channel with a queue `q` that has these arguments, and a queue `dead` for its dead letters. */
async function limited({ confirming, name }: Stage, limits: Record<string, string | number>) {
  const channel = await confirming();
  const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name('dead') };
  await channel.call('queue.declare', { queue: name('dead') });
  await channel.call('queue.declare', { queue: name('q'), arguments: { ...letters, ...limits } });
  return channel;
}

/** Publishes one message after the other, each confirmed before the next. */
async function publishEach({ name }: Stage, channel: Awaited<ReturnType<typeof limited>>, bodies: string[]) {
  for (const [at, body] of bodies.entries()) {
    channel.publish('', name('q'), body);
    await channel.confirmed(at + 1);
  }
}

conversation('a full queue drops its oldest message and dead-letters it with reason maxlen', async (stage) => {
  const channel = await limited(stage, { 'x-max-length': 2 });
  await publishEach(stage, channel, ['1', '2', '3', '4']);
  await stage.holds(stage.name('dead'), 2);
  await channel.drain(stage.name('q'));
  await channel.drain(stage.name('dead'));
});

conversation('x-overflow drop-head has the same effect as the default', async (stage) => {
  const channel = await limited(stage, { 'x-max-length': 1, 'x-overflow': 'drop-head' });
  await publishEach(stage, channel, ['1', '2']);
  await stage.holds(stage.name('dead'), 1);
  await channel.drain(stage.name('q'));
  await channel.drain(stage.name('dead'));
});

conversation('a full queue with reject-publish nacks new messages and keeps its own', async (stage) => {
  const channel = await limited(stage, { 'x-max-length': 2, 'x-overflow': 'reject-publish' });
  await publishEach(stage, channel, ['1', '2', '3', '4']);
  await channel.drain(stage.name('q'));
  await channel.drain(stage.name('dead'));
});

conversation('a full queue with reject-publish accepts messages again when there is room', async (stage) => {
  const channel = await limited(stage, { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
  await publishEach(stage, channel, ['1', '2']);
  await channel.call('basic.get', { queue: stage.name('q'), noAck: true });
  channel.publish('', stage.name('q'), '3');
  await channel.confirmed(3);
  await channel.drain(stage.name('q'));
});

conversation('without confirms a rejected message is lost silently', async (stage) => {
  const { call, publish, drain } = await stage.channel();
  const limits = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
  await call('queue.declare', { queue: stage.name('q'), arguments: limits });
  publish('', stage.name('q'), '1');
  await stage.holds(stage.name('q'), 1);
  publish('', stage.name('q'), '2');
  await drain(stage.name('q'));
});

conversation('a message refused by one queue is nacked, but stored in another', async (stage) => {
  const { call, publish, confirmed, drain } = await stage.confirming();
  const limits = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
  await call('queue.declare', { queue: stage.name('full'), arguments: limits });
  await call('queue.declare', { queue: stage.name('open') });
  for (const queue of ['full', 'open']) {
    await call('queue.bind', { queue: stage.name(queue), exchange: 'amq.direct', routingKey: stage.name('key') });
  }
  publish('amq.direct', stage.name('key'), '1');
  await confirmed(1);
  publish('amq.direct', stage.name('key'), '2');
  await confirmed(2);
  await drain(stage.name('full'));
  await drain(stage.name('open'));
});

conversation('a queue of length zero delivers to a waiting consumer', async (stage) => {
  const channel = await limited(stage, { 'x-max-length': 0 });
  await publishEach(stage, channel, ['1']);
  await stage.holds(stage.name('dead'), 1);
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader', noAck: true });
  channel.publish('', stage.name('q'), '2');
  await channel.receive('basic.deliver');
  await channel.drain(stage.name('dead'));
});

conversation('only ready messages count toward the length', async (stage) => {
  const channel = await limited(stage, { 'x-max-length': 2 });
  await publishEach(stage, channel, ['1', '2']);
  for (let n = 0; n < 2; n += 1) await channel.call('basic.get', { queue: stage.name('q') });
  for (const body of ['3', '4']) channel.publish('', stage.name('q'), body);
  await channel.confirmed(4);
  await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
  await channel.drain(stage.name('dead'));
});

conversation('requeueing to a full queue drops its oldest message', async (stage) => {
  const channel = await limited(stage, { 'x-max-length': 2 });
  await publishEach(stage, channel, ['1', '2']);
  await channel.call('basic.get', { queue: stage.name('q') });
  channel.publish('', stage.name('q'), '3');
  await channel.confirmed(3);
  channel.send('basic.reject', { deliveryTag: 1, requeue: true });
  await stage.holds(stage.name('dead'), 1);
  await channel.drain(stage.name('q'));
  await channel.drain(stage.name('dead'));
});

conversation('a byte limit counts message bodies', async (stage) => {
  const channel = await limited(stage, { 'x-max-length-bytes': 10 });
  await publishEach(stage, channel, ['12345', '12345', '1', '1234567890']);
  await stage.holds(stage.name('dead'), 3);
  await channel.drain(stage.name('q'));
  await channel.drain(stage.name('dead'));
});

conversation('a message larger than the byte limit is dropped', async (stage) => {
  const channel = await limited(stage, { 'x-max-length-bytes': 4 });
  await publishEach(stage, channel, ['12', '12345']);
  await stage.holds(stage.name('dead'), 2);
  await channel.drain(stage.name('q'));
  await channel.drain(stage.name('dead'));
});

conversation('a byte limit with reject-publish nacks once it is reached', async (stage) => {
  const channel = await limited(stage, { 'x-max-length-bytes': 4, 'x-overflow': 'reject-publish' });
  await publishEach(stage, channel, ['12345', '1', '']);
  await channel.drain(stage.name('q'));
});

conversation('the first of two limits to be reached applies', async (stage) => {
  const channel = await limited(stage, { 'x-max-length': 3, 'x-max-length-bytes': 4 });
  await publishEach(stage, channel, ['1', '2', '3', '4', '567']);
  await stage.holds(stage.name('dead'), 3);
  await channel.drain(stage.name('q'));
  await channel.drain(stage.name('dead'));
});

conversation('dead letters rejected by a full queue are lost', async ({ confirming, name, holds }) => {
  const { call, publish, confirmed, drain } = await confirming();
  await call('queue.declare', {
    queue: name('dead'),
    arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
  });
  const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name('dead'), 'x-message-ttl': 20 };
  await call('queue.declare', { queue: name('q'), arguments: letters });
  publish('', name('q'), '1');
  await confirmed(1);
  await holds(name('dead'), 1);
  publish('', name('q'), '2');
  await confirmed(2);
  await holds(name('q'), 0);
  await drain(name('dead'));
});

conversation('a message reaches the queues with room, and is dead-lettered by a full one', async (stage) => {
  const channel = await limited(stage, { 'x-max-length': 1 });
  await channel.call('queue.declare', { queue: stage.name('open') });
  for (const queue of ['q', 'open']) {
    const binding = { exchange: 'amq.direct', routingKey: stage.name('key') };
    await channel.call('queue.bind', { queue: stage.name(queue), ...binding });
  }
  for (const body of ['1', '2']) {
    channel.publish('amq.direct', stage.name('key'), body);
    await channel.confirmed(Number(body));
  }
  await stage.holds(stage.name('dead'), 1);
  for (const queue of ['q', 'open', 'dead']) await channel.drain(stage.name(queue));
});
