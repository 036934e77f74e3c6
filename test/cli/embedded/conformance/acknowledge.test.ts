import type { Peer } from '../../../support/amqp/peer.js';
import type { PeerChannel } from '../../../support/amqp/peer-channel.js';
import { useBothBrokers } from './conversation.js';
import type { Stage } from './stage.js';

const { conversation } = useBothBrokers();

/** A channel with so many messages, '1' and on, in the queue `q`. */
async function filled({ confirming, name }: Stage, count: number): Promise<PeerChannel<Peer>> {
  const channel = await confirming();
  await channel.call('queue.declare', { queue: name('q') });
  for (let n = 1; n <= count; n += 1) channel.publish('', name('q'), `${n}`);
  await channel.confirmed(count);
  return channel;
}

async function take(channel: PeerChannel<Peer>, queue: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await channel.call('basic.get', { queue });
}

for (const [method, args] of [
  ['basic.ack', {}],
  ['basic.ack', { multiple: true }],
  ['basic.nack', { requeue: true }],
  ['basic.nack', { multiple: true, requeue: true }],
  ['basic.reject', {}],
] as const) {
  conversation(`${method} ${JSON.stringify(args)} of a tag that never was is a 406`, async ({ channel }) => {
    const { send, closed } = await channel();
    send(method, { deliveryTag: 99, ...args });
    await closed();
  });
}

conversation('acknowledging twice is a 406', async (stage) => {
  const channel = await filled(stage, 1);
  await take(channel, stage.name('q'), 1);
  channel.send('basic.ack', { deliveryTag: 1 });
  channel.send('basic.ack', { deliveryTag: 1 });
  await channel.closed();
});

conversation('what was taken with no-ack is not acknowledged: a 406', async (stage) => {
  const channel = await filled(stage, 1);
  await channel.call('basic.get', { queue: stage.name('q'), noAck: true });
  channel.send('basic.ack', { deliveryTag: 1 });
  await channel.closed();
});

conversation('a tag belongs to its channel: elsewhere it is a 406', async (stage) => {
  const channel = await filled(stage, 1);
  await take(channel, stage.name('q'), 1);
  const other = await channel.peer.channel(2);
  other.send('basic.ack', { deliveryTag: 1 });
  await other.closed();
});

conversation('tag 0 alone is a 406', async (stage) => {
  const channel = await filled(stage, 1);
  await take(channel, stage.name('q'), 1);
  channel.send('basic.ack', { deliveryTag: 0 });
  await channel.closed();
});

conversation('tag 0 with multiple means all, also where there are none', async (stage) => {
  const channel = await filled(stage, 3);
  await take(channel, stage.name('q'), 3);
  channel.send('basic.ack', { deliveryTag: 0, multiple: true });
  channel.send('basic.ack', { deliveryTag: 0, multiple: true });
  channel.send('basic.nack', { deliveryTag: 0, multiple: true, requeue: true });
  await channel.call('queue.delete', { queue: stage.name('q'), ifEmpty: true });
});

conversation('multiple acknowledges up to its tag, the rest comes back', async (stage) => {
  const channel = await filled(stage, 4);
  await take(channel, stage.name('q'), 4);
  channel.send('basic.ack', { deliveryTag: 2, multiple: true });
  await channel.call('basic.recover', { requeue: true });
  await stage.holds(stage.name('q'), 2);
  await channel.drain(stage.name('q'));
});

conversation('multiple with a tag that was acknowledged already is a 406', async (stage) => {
  const channel = await filled(stage, 2);
  await take(channel, stage.name('q'), 2);
  channel.send('basic.ack', { deliveryTag: 1 });
  channel.send('basic.ack', { deliveryTag: 1, multiple: true });
  await channel.closed();
});

conversation('acknowledging may go in any order', async (stage) => {
  const channel = await filled(stage, 3);
  await take(channel, stage.name('q'), 3);
  for (const deliveryTag of [3, 1, 2]) channel.send('basic.ack', { deliveryTag });
  await channel.call('queue.delete', { queue: stage.name('q'), ifEmpty: true });
});

conversation('a rejected message comes back to its place, marked', async (stage) => {
  const channel = await filled(stage, 4);
  await take(channel, stage.name('q'), 2);
  channel.send('basic.reject', { deliveryTag: 1, requeue: true });
  await stage.holds(stage.name('q'), 3);
  await channel.drain(stage.name('q'));
});

conversation('what comes back in any order is in its old order again', async (stage) => {
  const channel = await filled(stage, 5);
  await take(channel, stage.name('q'), 4);
  for (const deliveryTag of [2, 4, 1, 3]) channel.send('basic.nack', { deliveryTag, requeue: true });
  await stage.holds(stage.name('q'), 5);
  await channel.drain(stage.name('q'));
});

conversation('nack with multiple gives all up to its tag back', async (stage) => {
  const channel = await filled(stage, 4);
  await take(channel, stage.name('q'), 3);
  channel.send('basic.nack', { deliveryTag: 2, multiple: true, requeue: true });
  await stage.holds(stage.name('q'), 3);
  await channel.drain(stage.name('q'));
});

conversation('nack without requeue throws away where there is no dead-letter exchange', async (stage) => {
  const channel = await filled(stage, 2);
  await take(channel, stage.name('q'), 2);
  channel.send('basic.nack', { deliveryTag: 1 });
  channel.send('basic.reject', { deliveryTag: 2 });
  await channel.call('queue.delete', { queue: stage.name('q'), ifEmpty: true });
});

conversation('what a consumer gives back comes to it again', async (stage) => {
  const channel = await filled(stage, 1);
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await channel.receive('basic.deliver');
  channel.send('basic.nack', { deliveryTag: 1, requeue: true });
  await channel.receive('basic.deliver');
  channel.send('basic.ack', { deliveryTag: 2 });
  await channel.call('basic.cancel', { consumerTag: 'reader' });
  await channel.call('queue.delete', { queue: stage.name('q'), ifEmpty: true });
});

conversation('what is unacknowledged when its channel closes comes back in order', async (stage) => {
  const channel = await filled(stage, 4);
  const other = await channel.peer.channel(2);
  await other.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await other.receive('basic.deliver', 4);
  other.send('basic.ack', { deliveryTag: 2 });
  await other.call('channel.close', { replyCode: 200 });
  await stage.holds(stage.name('q'), 3);
  await channel.drain(stage.name('q'));
});

conversation('what is unacknowledged when a fault closes the channel comes back', async (stage) => {
  const channel = await filled(stage, 2);
  const other = await channel.peer.channel(2);
  await take(other, stage.name('q'), 2);
  await other.call('queue.declare', { queue: stage.name('missing'), passive: true });
  await stage.holds(stage.name('q'), 2);
  await channel.drain(stage.name('q'));
});

conversation('what is unacknowledged when its connection breaks comes back', async (stage) => {
  const channel = await filled(stage, 2);
  const other = await stage.channel();
  await take(other, stage.name('q'), 2);
  other.peer.destroy();
  await stage.holds(stage.name('q'), 2);
  await channel.drain(stage.name('q'));
});

conversation('tags begin at 1 on each channel, whatever they are of', async (stage) => {
  const channel = await filled(stage, 3);
  const other = await channel.peer.channel(2);
  await take(channel, stage.name('q'), 1);
  await take(other, stage.name('q'), 1);
  await other.call('basic.get', { queue: stage.name('q'), noAck: true });
});

conversation('recover gives all back to the queue', async (stage) => {
  const channel = await filled(stage, 3);
  await take(channel, stage.name('q'), 2);
  await channel.call('basic.recover', { requeue: true });
  await stage.holds(stage.name('q'), 3);
  await channel.drain(stage.name('q'));
});

conversation('recover without requeue is a 540', async (stage) => {
  const channel = await filled(stage, 1);
  await take(channel, stage.name('q'), 1);
  await channel.call('basic.recover', { requeue: false });
});

conversation('the old recover has no answer, and has its effect', async (stage) => {
  const channel = await filled(stage, 2);
  await take(channel, stage.name('q'), 2);
  channel.send('basic.recover-async', { requeue: true });
  await stage.holds(stage.name('q'), 2);
  await channel.drain(stage.name('q'));
});

conversation('multiple covers what is of other queues as well', async (stage) => {
  const channel = await filled(stage, 2);
  await channel.call('queue.declare', { queue: stage.name('p') });
  channel.publish('', stage.name('p'), 'other');
  await channel.confirmed(3);
  await take(channel, stage.name('q'), 1);
  await take(channel, stage.name('p'), 1);
  await take(channel, stage.name('q'), 1);
  channel.send('basic.nack', { deliveryTag: 2, multiple: true, requeue: true });
  await stage.holds(stage.name('q'), 1);
  await stage.holds(stage.name('p'), 1);
  for (const queue of ['p', 'q']) await channel.drain(stage.name(queue));
});

conversation('acknowledging a message of a queue that was deleted is no fault', async (stage) => {
  const channel = await filled(stage, 2);
  await take(channel, stage.name('q'), 2);
  await channel.call('queue.delete', { queue: stage.name('q') });
  channel.send('basic.ack', { deliveryTag: 1 });
  channel.send('basic.nack', { deliveryTag: 2, requeue: true });
  await channel.call('queue.declare', { queue: stage.name('q') });
});

conversation('what one consumer gives back another one gets that has room', async (stage) => {
  const channel = await filled(stage, 2);
  const [one, two] = [await stage.channel(), await stage.channel()];
  for (const [each, consumerTag] of [
    [one, 'one'],
    [two, 'two'],
  ] as const) {
    await each.call('basic.qos', { prefetchCount: 1 });
    await each.call('basic.consume', { queue: stage.name('q'), consumerTag });
    await each.receive('basic.deliver');
  }
  await one.call('basic.cancel', { consumerTag: 'one' });
  one.send('basic.nack', { deliveryTag: 1, requeue: true });
  await stage.holds(stage.name('q'), 1);
  two.send('basic.ack', { deliveryTag: 1 });
  await two.receive('basic.deliver');
  await channel.call('queue.declare', { queue: stage.name('q'), passive: true });
});

conversation('what a consumer holds comes back when its connection is closed', async (stage) => {
  const channel = await filled(stage, 3);
  const other = await stage.channel();
  await other.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await other.receive('basic.deliver', 3);
  other.peer.say('connection.close', { replyCode: 200 });
  await other.peer.next('connection.close-ok');
  await stage.holds(stage.name('q'), 3);
  await channel.drain(stage.name('q'));
});
