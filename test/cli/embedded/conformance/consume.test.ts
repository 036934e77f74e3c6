import { useBothBrokers } from './conversation.js';

const { conversation } = useBothBrokers();

conversation('a consumer gets what is there and what comes', async ({ confirming, name }) => {
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

conversation('a consumer tag that the channel has is a 530', async ({ channel, name }) => {
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

conversation('a tag may be used again after its consumer was cancelled', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await call('basic.cancel', { consumerTag: 'reader' });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
});

conversation('consuming from a queue that is not there closes the channel with 404', async ({ channel, name }) => {
  const { call } = await channel();
  await call('basic.consume', { queue: name('missing') });
});

conversation('an exclusive consumer keeps others out with 403', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'only', exclusive: true });
  await two.call('basic.consume', { queue: name('q'), consumerTag: 'other' });
});

conversation('a second exclusive consumer is kept out with 403', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'only', exclusive: true });
  await two.call('basic.consume', { queue: name('q'), consumerTag: 'other', exclusive: true });
});

conversation('a consumer is not exclusive where there is another: a 403', async ({ channel, name }) => {
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

conversation('an exclusive consumer does not keep a get out', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'only', exclusive: true });
  await two.call('basic.get', { queue: name('q') });
});

conversation('when an exclusive consumer is gone, others may come', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'only', exclusive: true });
  await one.call('basic.cancel', { consumerTag: 'only' });
  await two.call('basic.consume', { queue: name('q'), consumerTag: 'other' });
});

conversation('what goes to a no-ack consumer is gone at once', async ({ confirming, name }) => {
  const { call, publish, confirmed, receive } = await confirming();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader', noAck: true });
  for (const body of ['1', '2', '3']) publish('', name('q'), body);
  await confirmed(3);
  await receive('basic.deliver', 3);
  await call('basic.cancel', { consumerTag: 'reader' });
  await call('queue.delete', { queue: name('q'), ifEmpty: true });
});

conversation('no-local is passed over: the channel gets its own messages', async ({ confirming, name }) => {
  const { call, publish, receive } = await confirming();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader', noLocal: true });
  publish('', name('q'), 'own');
  await receive('basic.deliver');
});

conversation('a consume with nowait has no answer, and has its effect', async ({ confirming, name }) => {
  const { call, send, publish, receive } = await confirming();
  await call('queue.declare', { queue: name('q') });
  send('basic.consume', { queue: name('q'), consumerTag: 'reader', nowait: true });
  publish('', name('q'), 'x');
  await receive('basic.deliver');
});

conversation('a cancelled consumer gets no more, and may still acknowledge', async ({ confirming, name }) => {
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

conversation('cancelling a consumer that is not there is no fault', async ({ channel }) => {
  const { call } = await channel();
  await call('basic.cancel', { consumerTag: 'nobody' });
});

conversation('a cancel with nowait has no answer, and has its effect', async ({ confirming, name }) => {
  const { call, send, publish, confirmed, settled } = await confirming();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  send('basic.cancel', { consumerTag: 'reader', nowait: true });
  publish('', name('q'), 'x');
  await confirmed(1);
  await settled(name('q'));
  await call('queue.declare', { queue: name('q'), passive: true });
});

conversation('a consumer whose queue is deleted is told so', async ({ channel, name }) => {
  const [one, two] = [await channel(), await channel()];
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await two.call('queue.delete', { queue: name('q') });
  await one.receive('basic.cancel');
  await one.call('basic.consume', { queue: name('q') });
});

conversation('who deletes the queue of a consumer of its own hears the answer, then the cancel', async (stage) => {
  const { call, receive } = await stage.channel();
  await call('queue.declare', { queue: stage.name('q') });
  await call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await call('queue.delete', { queue: stage.name('q') });
  await receive('basic.cancel');
});

conversation('a client that cannot hear a cancel is not told', async ({ channel, name, note }) => {
  const one = await channel({ clientProperties: {} });
  const two = await channel();
  await one.call('queue.declare', { queue: name('q') });
  await one.call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await two.call('queue.delete', { queue: name('q') });
  await one.call('queue.declare', { queue: name('p') });
  await one.settled(name('p'));
  note('told', one.heard.filter(({ method }) => method === 'basic.cancel').length);
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

conversation('an argument of a consumer that nobody knows is taken', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader', arguments: { 'x-unknown': 1 } });
});

conversation('a get gives a message with how many are behind it, or says that there is none', async (stage) => {
  const { call, publish, confirmed } = await stage.confirming();
  await call('queue.declare', { queue: stage.name('q') });
  for (const body of ['1', '2', '3']) publish('', stage.name('q'), body);
  await confirmed(3);
  await call('basic.get', { queue: stage.name('q') });
  await call('basic.get', { queue: stage.name('q'), noAck: true });
  await call('basic.get', { queue: stage.name('q') });
  await call('basic.get', { queue: stage.name('q') });
});

conversation('a get from a queue that is not there closes the channel with 404', async ({ channel, name }) => {
  const { call } = await channel();
  await call('basic.get', { queue: name('missing') });
});
