import { useBothBrokers } from './conversation.js';

const { conversation } = useBothBrokers();

conversation('a message is routed once to each queue bound with its key', async ({ confirming, name }) => {
  const { call, publish, confirmed, drain } = await confirming();
  await call('exchange.declare', { exchange: name('x'), type: 'direct' });
  for (const queue of ['a', 'b', 'c']) await call('queue.declare', { queue: name(queue) });
  await call('queue.bind', { queue: name('a'), exchange: name('x'), routingKey: 'red' });
  await call('queue.bind', { queue: name('b'), exchange: name('x'), routingKey: 'red' });
  await call('queue.bind', { queue: name('b'), exchange: name('x'), routingKey: 'red' });
  await call('queue.bind', { queue: name('b'), exchange: name('x'), routingKey: 'blue' });
  await call('queue.bind', { queue: name('c'), exchange: name('x'), routingKey: '' });
  publish(name('x'), 'red', 'r');
  publish(name('x'), 'blue', 'b');
  publish(name('x'), '', 'none');
  publish(name('x'), 'Red', 'lost');
  await confirmed(4);
  for (const queue of ['a', 'b', 'c']) await drain(name(queue));
});

conversation('a removed binding no longer routes', async ({ confirming, name }) => {
  const { call, publish, confirmed, drain } = await confirming();
  await call('queue.declare', { queue: name('q') });
  await call('queue.bind', { queue: name('q'), exchange: 'amq.direct', routingKey: name('k') });
  publish('amq.direct', name('k'), 'before');
  await confirmed(1);
  await call('queue.unbind', { queue: name('q'), exchange: 'amq.direct', routingKey: name('k') });
  publish('amq.direct', name('k'), 'after');
  await confirmed(2);
  await drain(name('q'));
});

conversation('bindings with different arguments are distinct', async ({ confirming, name }) => {
  const { call, publish, confirmed, drain } = await confirming();
  const binding = { queue: name('q'), exchange: 'amq.direct', routingKey: name('k') };
  await call('queue.declare', { queue: name('q') });
  await call('queue.bind', { ...binding, arguments: { shade: 'dark' } });
  await call('queue.bind', binding);
  publish('amq.direct', name('k'), '1');
  await confirmed(1);
  await call('queue.unbind', binding);
  publish('amq.direct', name('k'), '2');
  await confirmed(2);
  await call('queue.unbind', { ...binding, arguments: { shade: 'dark' } });
  publish('amq.direct', name('k'), '3');
  await confirmed(3);
  await drain(name('q'));
});

conversation('a bind with nowait gets no reply but takes effect', async ({ confirming, name }) => {
  const { call, publish, confirmed, drain, send } = await confirming();
  await call('queue.declare', { queue: name('q') });
  send('queue.bind', { queue: name('q'), exchange: 'amq.direct', routingKey: name('k'), nowait: true });
  publish('amq.direct', name('k'), 'x', { mandatory: true });
  await confirmed(1);
  await drain(name('q'));
});

conversation('binding a queue that does not exist closes the channel with 404', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.bind', { queue: name('missing'), exchange: 'amq.direct', routingKey: 'k' });
});

conversation('binding to an exchange that does not exist closes the channel with 404', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('queue.bind', { queue: name('q'), exchange: name('missing'), routingKey: 'k' });
});

conversation('binding a missing queue to a missing exchange closes the channel with 404', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.bind', { queue: name('missing'), exchange: name('missing'), routingKey: 'k' });
});

for (const method of ['queue.bind', 'queue.unbind']) {
  conversation(`${method} and the default exchange: a 403`, async ({ channel, name }) => {
    const { call } = await channel();
    await call('queue.declare', { queue: name('q') });
    await call(method, { queue: name('q'), exchange: '', routingKey: 'k' });
  });
}

conversation('removing a missing binding is not an error', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('queue.unbind', { queue: name('q'), exchange: 'amq.direct', routingKey: 'k' });
});

conversation('removing a binding of a missing queue', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.unbind', { queue: name('missing'), exchange: 'amq.direct', routingKey: 'k' });
});

conversation('removing a binding of a missing exchange', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('queue.unbind', { queue: name('q'), exchange: name('missing'), routingKey: 'k' });
});

conversation('deleting an exchange deletes its bindings', async ({ confirming, name }) => {
  const { call, publish, confirmed } = await confirming();
  await call('exchange.declare', { exchange: name('x'), type: 'direct' });
  await call('queue.declare', { queue: name('q') });
  await call('queue.bind', { queue: name('q'), exchange: name('x'), routingKey: 'k' });
  await call('exchange.delete', { exchange: name('x') });
  await call('exchange.declare', { exchange: name('x'), type: 'direct' });
  publish(name('x'), 'k', 'x', { mandatory: true });
  await confirmed(1);
});

conversation('deleting a queue deletes its bindings', async ({ confirming, name }) => {
  const { call, publish, confirmed } = await confirming();
  await call('queue.declare', { queue: name('q') });
  await call('queue.bind', { queue: name('q'), exchange: 'amq.direct', routingKey: name('k') });
  await call('queue.delete', { queue: name('q') });
  await call('queue.declare', { queue: name('q') });
  publish('amq.direct', name('k'), 'x', { mandatory: true });
  await confirmed(1);
});

conversation('a transient queue can be bound to a durable exchange', async ({ confirming, name }) => {
  const { call, publish, confirmed, drain } = await confirming();
  await call('exchange.declare', { exchange: name('x'), type: 'direct', durable: true });
  await call('queue.declare', { queue: name('q'), exclusive: true });
  await call('queue.bind', { queue: name('q'), exchange: name('x'), routingKey: 'k' });
  publish(name('x'), 'k', 'x', { mandatory: true });
  await confirmed(1);
  await drain(name('q'));
});
