import { useBothBrokers } from './conversation.js';

const { conversation } = useBothBrokers();

conversation('a consumer gets waiting and new messages', async ({ confirming, name }) => {
  const { call, publish, confirmed, receive } = await confirming();
  await call('queue.declare', { queue: name('q') });
  publish('', name('q'), 'before');
  await confirmed(1);
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await receive('basic.deliver');
  publish('', name('q'), 'after');
  await receive('basic.deliver');
});

conversation('a consumer without a tag gets one from the server', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q') });
});

conversation('a consumer tag already used on the channel is refused with 530', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
});

conversation('another channel may have the same consumer tag', async ({ connect, name }) => {
  const peer = await connect();
  const [one, two] = [await peer.channel(1), await peer.channel(2)];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await two.call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
});

conversation('a consumer tag can be reused after its consumer was canceled', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await call('basic.cancel', { consumerTag: 'reader' });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
});

conversation('consuming from a queue that does not exist closes the channel with 404', async ({ channel, name }) => {
  const { call } = await channel();
  await call('basic.consume', { queue: name('missing') });
});

conversation('other consumers are refused with 403 while there is an exclusive one', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'only', exclusive: true });
  await two.call('basic.consume', { queue: name('q'), consumerTag: 'other' });
});

conversation('a second exclusive consumer is refused with 403', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'only', exclusive: true });
  await two.call('basic.consume', { queue: name('q'), consumerTag: 'other', exclusive: true });
});

conversation('an exclusive consumer is refused with 403 if there is another consumer', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'first' });
  await two.call('basic.consume', { queue: name('q'), consumerTag: 'only', exclusive: true });
});

for (const [first, second] of [
  [true, false],
  [true, true],
  [false, true],
] as const) {
  const kind = (exclusive: boolean) => (exclusive ? 'an exclusive' : 'an ordinary');
  conversation(`a quorum queue takes ${kind(second)} consumer beside ${kind(first)} one`, async ({ channel, name }) => {
    const [one, two] = [await channel(), await channel()];
    await one.call('queue.declare', { queue: name('q'), durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await one.call('basic.consume', { queue: name('q'), consumerTag: 'one', exclusive: first });
    await two.call('basic.consume', { queue: name('q'), consumerTag: 'two', exclusive: second });
  });
}

conversation('an exclusive consumer does not block basic.get', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'only', exclusive: true });
  await two.call('basic.get', { queue: name('q') });
});

conversation('others may consume after an exclusive consumer is gone', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'only', exclusive: true });
  await one.call('basic.cancel', { consumerTag: 'only' });
  await two.call('basic.consume', { queue: name('q'), consumerTag: 'other' });
});

conversation('messages to a no-ack consumer are removed immediately', async ({ confirming, name }) => {
  const { call, publish, confirmed, receive } = await confirming();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader', noAck: true });
  for (const body of ['1', '2', '3']) publish('', name('q'), body);
  await confirmed(3);
  await receive('basic.deliver', 3);
  await call('basic.cancel', { consumerTag: 'reader' });
  await call('queue.delete', { queue: name('q'), ifEmpty: true });
});

conversation('no-local is ignored: the channel gets its own messages', async ({ confirming, name }) => {
  const { call, publish, receive } = await confirming();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader', noLocal: true });
  publish('', name('q'), 'own');
  await receive('basic.deliver');
});

conversation('a consume with nowait gets no reply but takes effect', async ({ confirming, name }) => {
  const { call, send, publish, receive } = await confirming();
  await call('queue.declare', { queue: name('q') });
  send('basic.consume', { queue: name('q'), consumerTag: 'reader', nowait: true });
  publish('', name('q'), 'x');
  await receive('basic.deliver');
});

conversation('a canceled consumer gets no more messages and may still acknowledge', async ({ confirming, name }) => {
  const { call, publish, confirmed, receive, send, settled } = await confirming();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  publish('', name('q'), 'before');
  await receive('basic.deliver');
  await call('basic.cancel', { consumerTag: 'reader' });
  publish('', name('q'), 'after');
  await confirmed(2);
  await settled(name('q'));
  send('basic.ack', { deliveryTag: 1 });
  await call('queue.declare', { queue: name('q'), passive: true });
});

conversation('canceling an unknown consumer is not an error', async ({ channel }) => {
  const { call } = await channel();
  await call('basic.cancel', { consumerTag: 'nobody' });
});

conversation('a cancel with nowait gets no reply but takes effect', async ({ confirming, name }) => {
  const { call, send, publish, confirmed, settled } = await confirming();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  send('basic.cancel', { consumerTag: 'reader', nowait: true });
  publish('', name('q'), 'x');
  await confirmed(1);
  await settled(name('q'));
  await call('queue.declare', { queue: name('q'), passive: true });
});

conversation('a consumer is notified that its queue was deleted', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await two.call('queue.delete', { queue: name('q') });
  await one.receive('basic.cancel');
  await one.call('basic.consume', { queue: name('q') });
});

conversation('deleting the queue of one’s own consumer receives the reply, then the cancel', async (stage) => {
  const { call, receive } = await stage.channel();
  await call('queue.declare', { queue: stage.name('q') });
  await call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await call('queue.delete', { queue: stage.name('q') });
  await receive('basic.cancel');
});

conversation('a client without consumer_cancel_notify is not notified of a cancel', async ({ channel, name, note }) => {
  const one = await channel({ clientProperties: {} });
  const two = await channel();
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await two.call('queue.delete', { queue: name('q') });
  await one.call('queue.declare', { queue: name('p') });
  await one.settled(name('p'));
  note('notifications', one.received.filter(({ method }) => method === 'basic.cancel').length);
});

conversation('two consumers get messages in turn', async ({ confirming, channel, name, note }) => {
  const [one, two, publisher] = [await channel(), await channel(), await confirming()];
  await publisher.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'one', noAck: true });
  await two.call('basic.consume', { queue: name('q'), consumerTag: 'two', noAck: true });
  for (let n = 1; n <= 6; n += 1) {
    publisher.publish('', name('q'), `${n}`);
    await publisher.confirmed(n);
  }
  await one.receive('basic.deliver', 3);
  await two.receive('basic.deliver', 3);
  note('in turn', true);
});

conversation('an unknown consumer argument is accepted', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader', arguments: { 'x-unknown': 1 } });
});

conversation('a get returns a message and the number of remaining ones, or get-empty', async (stage) => {
  const { call, publish, confirmed } = await stage.confirming();
  await call('queue.declare', { queue: stage.name('q') });
  for (const body of ['1', '2', '3']) publish('', stage.name('q'), body);
  await confirmed(3);
  await call('basic.get', { queue: stage.name('q') });
  await call('basic.get', { queue: stage.name('q'), noAck: true });
  await call('basic.get', { queue: stage.name('q') });
  await call('basic.get', { queue: stage.name('q') });
});

conversation('a get from a queue that does not exist closes the channel with 404', async ({ channel, name }) => {
  const { call } = await channel();
  await call('basic.get', { queue: name('missing') });
});
