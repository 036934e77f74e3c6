import type { Peer } from '../../../support/amqp/peer.js';
import type { PeerChannel } from '../../../support/amqp/peer-channel.js';
import { useBothBrokers } from './conversation.js';
import type { Stage } from './stage.js';

const { conversation } = useBothBrokers();

/** A channel with this many messages, numbered from '1', in the queue `q`. */
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
  conversation(`${method} ${JSON.stringify(args)} of an unknown tag is a 406`, async ({ channel }) => {
    const { send, closed } = await channel();
    send(method, { deliveryTag: 99, ...args });
    await closed();
  });
}

conversation('acknowledging twice is refused with 406', async (stage) => {
  const channel = await filled(stage, 1);
  await take(channel, stage.name('q'), 1);
  channel.send('basic.ack', { deliveryTag: 1 });
  channel.send('basic.ack', { deliveryTag: 1 });
  await channel.closed();
});

conversation('acknowledging a no-ack delivery is refused with 406', async (stage) => {
  const channel = await filled(stage, 1);
  await channel.call('basic.get', { queue: stage.name('q'), noAck: true });
  channel.send('basic.ack', { deliveryTag: 1 });
  await channel.closed();
});

conversation('a delivery tag of another channel is refused with 406', async (stage) => {
  const channel = await filled(stage, 1);
  await take(channel, stage.name('q'), 1);
  const other = await channel.peer.channel(2);
  other.send('basic.ack', { deliveryTag: 1 });
  await other.closed();
});

conversation('tag 0 alone is refused with 406', async (stage) => {
  const channel = await filled(stage, 1);
  await take(channel, stage.name('q'), 1);
  channel.send('basic.ack', { deliveryTag: 0 });
  await channel.closed();
});

conversation('tag 0 with multiple means all, even if there are none', async (stage) => {
  const channel = await filled(stage, 3);
  await take(channel, stage.name('q'), 3);
  channel.send('basic.ack', { deliveryTag: 0, multiple: true });
  channel.send('basic.ack', { deliveryTag: 0, multiple: true });
  channel.send('basic.nack', { deliveryTag: 0, multiple: true, requeue: true });
  await channel.call('queue.delete', { queue: stage.name('q'), ifEmpty: true });
});

conversation('multiple acknowledges up to its tag; the rest is requeued', async (stage) => {
  const channel = await filled(stage, 4);
  await take(channel, stage.name('q'), 4);
  channel.send('basic.ack', { deliveryTag: 2, multiple: true });
  await channel.call('basic.recover', { requeue: true });
  await stage.holds(stage.name('q'), 2);
  await channel.drain(stage.name('q'));
});

conversation('multiple with a tag that was acknowledged already is refused with 406', async (stage) => {
  const channel = await filled(stage, 2);
  await take(channel, stage.name('q'), 2);
  channel.send('basic.ack', { deliveryTag: 1 });
  channel.send('basic.ack', { deliveryTag: 1, multiple: true });
  await channel.closed();
});

conversation('messages can be acknowledged in any order', async (stage) => {
  const channel = await filled(stage, 3);
  await take(channel, stage.name('q'), 3);
  for (const deliveryTag of [3, 1, 2]) channel.send('basic.ack', { deliveryTag });
  await channel.call('queue.delete', { queue: stage.name('q'), ifEmpty: true });
});

conversation('a requeued message returns to its position, marked as redelivered', async (stage) => {
  const channel = await filled(stage, 4);
  await take(channel, stage.name('q'), 2);
  channel.send('basic.reject', { deliveryTag: 1, requeue: true });
  await stage.holds(stage.name('q'), 3);
  await channel.drain(stage.name('q'));
});

conversation('messages requeued in any order regain their original order', async (stage) => {
  const channel = await filled(stage, 5);
  await take(channel, stage.name('q'), 4);
  for (const deliveryTag of [2, 4, 1, 3]) channel.send('basic.nack', { deliveryTag, requeue: true });
  await stage.holds(stage.name('q'), 5);
  await channel.drain(stage.name('q'));
});

conversation('nack with multiple requeues everything up to its tag', async (stage) => {
  const channel = await filled(stage, 4);
  await take(channel, stage.name('q'), 3);
  channel.send('basic.nack', { deliveryTag: 2, multiple: true, requeue: true });
  await stage.holds(stage.name('q'), 3);
  await channel.drain(stage.name('q'));
});

conversation('nack without requeue drops the message if there is no dead-letter exchange', async (stage) => {
  const channel = await filled(stage, 2);
  await take(channel, stage.name('q'), 2);
  channel.send('basic.nack', { deliveryTag: 1 });
  channel.send('basic.reject', { deliveryTag: 2 });
  await channel.call('queue.delete', { queue: stage.name('q'), ifEmpty: true });
});

conversation('a requeued message is redelivered to the same consumer', async (stage) => {
  const channel = await filled(stage, 1);
  await channel.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await channel.receive('basic.deliver');
  channel.send('basic.nack', { deliveryTag: 1, requeue: true });
  await channel.receive('basic.deliver');
  channel.send('basic.ack', { deliveryTag: 2 });
  await channel.call('basic.cancel', { consumerTag: 'reader' });
  await channel.call('queue.delete', { queue: stage.name('q'), ifEmpty: true });
});

conversation('unacknowledged messages are requeued in order when the channel closes', async (stage) => {
  const channel = await filled(stage, 4);
  const other = await channel.peer.channel(2);
  await other.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await other.receive('basic.deliver', 4);
  other.send('basic.ack', { deliveryTag: 2 });
  await other.call('channel.close', { replyCode: 200 });
  await stage.holds(stage.name('q'), 3);
  await channel.drain(stage.name('q'));
});

conversation('unacknowledged messages are requeued when an error closes the channel', async (stage) => {
  const channel = await filled(stage, 2);
  const other = await channel.peer.channel(2);
  await take(other, stage.name('q'), 2);
  await other.call('queue.declare', { queue: stage.name('missing'), passive: true });
  await stage.holds(stage.name('q'), 2);
  await channel.drain(stage.name('q'));
});

conversation('unacknowledged messages are requeued when the connection breaks', async (stage) => {
  const channel = await filled(stage, 2);
  const other = await stage.channel();
  await take(other, stage.name('q'), 2);
  other.peer.destroy();
  await stage.holds(stage.name('q'), 2);
  await channel.drain(stage.name('q'));
});

conversation('delivery tags begin at 1 on each channel, for all queues', async (stage) => {
  const channel = await filled(stage, 3);
  const other = await channel.peer.channel(2);
  await take(channel, stage.name('q'), 1);
  await take(other, stage.name('q'), 1);
  await other.call('basic.get', { queue: stage.name('q'), noAck: true });
});

conversation('recover requeues all unacknowledged messages', async (stage) => {
  const channel = await filled(stage, 3);
  await take(channel, stage.name('q'), 2);
  await channel.call('basic.recover', { requeue: true });
  await stage.holds(stage.name('q'), 3);
  await channel.drain(stage.name('q'));
});

conversation('recover without requeue is refused with 540', async (stage) => {
  const channel = await filled(stage, 1);
  await take(channel, stage.name('q'), 1);
  await channel.call('basic.recover', { requeue: false });
});

conversation('recover-async gets no reply but takes effect', async (stage) => {
  const channel = await filled(stage, 2);
  await take(channel, stage.name('q'), 2);
  channel.send('basic.recover-async', { requeue: true });
  await stage.holds(stage.name('q'), 2);
  await channel.drain(stage.name('q'));
});

conversation('multiple covers messages of other queues', async (stage) => {
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

conversation('acknowledging a message of a deleted queue is not an error', async (stage) => {
  const channel = await filled(stage, 2);
  await take(channel, stage.name('q'), 2);
  await channel.call('queue.delete', { queue: stage.name('q') });
  channel.send('basic.ack', { deliveryTag: 1 });
  channel.send('basic.nack', { deliveryTag: 2, requeue: true });
  await channel.call('queue.declare', { queue: stage.name('q') });
});

conversation('a requeued message goes to another consumer with capacity', async (stage) => {
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

conversation('unacknowledged messages are requeued when the connection closes', async (stage) => {
  const channel = await filled(stage, 3);
  const other = await stage.channel();
  await other.call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await other.receive('basic.deliver', 3);
  other.peer.sendMethod('connection.close', { replyCode: 200 });
  await other.peer.next('connection.close-ok');
  await stage.holds(stage.name('q'), 3);
  await channel.drain(stage.name('q'));
});
