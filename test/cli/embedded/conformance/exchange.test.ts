import { useBothBrokers } from './conversation.js';

const { conversation } = useBothBrokers();

conversation('a new direct exchange is declared, and declared again as it is', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'direct', durable: true });
  await call('exchange.declare', { exchange: name('x'), type: 'direct', durable: true });
});

conversation('a passive exchange declare ignores all other properties', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'direct' });
  await call('exchange.declare', { exchange: name('x'), type: 'direct', passive: true, durable: true });
  await call('exchange.declare', { exchange: name('x'), type: 'fanout', passive: true, autoDelete: true });
  await call('exchange.declare', { exchange: name('x'), type: '', passive: true });
});

conversation(
  'a passive declare of an exchange that is not there closes the channel with 404',
  async ({ channel, name }) => {
    const { call } = await channel();
    await call('exchange.declare', { exchange: name('missing'), type: 'direct', passive: true });
  },
);

for (const [argument, again] of [
  ['durable', { durable: false }],
  ['auto_delete', { autoDelete: true }],
  ['internal', { internal: true }],
  ['type', { type: 'fanout' }],
] as const) {
  conversation(`an exchange declared again with another ${argument} is a 406`, async ({ channel, name }) => {
    const { call } = await channel();
    await call('exchange.declare', { exchange: name('x'), type: 'direct', durable: true });
    await call('exchange.declare', { exchange: name('x'), type: 'direct', durable: true, ...again });
  });
}

conversation('an exchange of an unknown type closes the connection with 503', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'nosuch' });
});

conversation('an exchange name that begins with amq. is refused with 403', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: `amq.${name('x')}`, type: 'direct' });
});

conversation('amq.direct exists and can be redeclared unchanged', async ({ channel }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: 'amq.direct', type: 'direct', passive: true });
  await call('exchange.declare', { exchange: 'amq.direct', type: 'direct', durable: true });
});

conversation('amq.direct declared with another property is refused with 406', async ({ channel }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: 'amq.direct', type: 'direct', durable: false });
});

conversation('the default exchange cannot be declared', async ({ channel }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: '', type: 'direct', durable: true });
});

conversation('the default exchange cannot be declared passively', async ({ channel }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: '', type: 'direct', passive: true });
});

conversation('a declare with nowait gets no reply but takes effect', async ({ channel, name }) => {
  const { call, send } = await channel();
  send('exchange.declare', { exchange: name('x'), type: 'direct', nowait: true });
  await call('exchange.declare', { exchange: name('x'), type: 'direct', passive: true });
});

conversation('a failing declare with nowait also closes the channel', async ({ channel, name }) => {
  const { send, closed } = await channel();
  send('exchange.declare', { exchange: name('x'), passive: true, nowait: true });
  await closed();
});

conversation('an exchange accepts unknown arguments', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'direct', arguments: { 'x-unknown': 1 } });
  await call('exchange.declare', { exchange: name('x'), type: 'direct' });
});

conversation('line breaks are removed from exchange and queue names', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: `${name('x')}\r\n`, type: 'direct' });
  await call('exchange.declare', { exchange: name('x'), passive: true });
  await call('queue.declare', { queue: `${name('q')}\n` });
});

conversation('an exchange is deleted, and deleting it again succeeds', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'direct' });
  await call('exchange.delete', { exchange: name('x') });
  await call('exchange.delete', { exchange: name('x') });
  await call('exchange.declare', { exchange: name('x'), passive: true });
});

conversation('an exchange in use is not deleted if-unused', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'direct' });
  await call('queue.declare', { queue: name('q') });
  await call('queue.bind', { queue: name('q'), exchange: name('x'), routingKey: 'k' });
  await call('exchange.delete', { exchange: name('x'), ifUnused: true });
});

conversation('an exchange without bindings is deleted if-unused', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'direct' });
  await call('exchange.delete', { exchange: name('x'), ifUnused: true });
  await call('exchange.declare', { exchange: name('x'), passive: true });
});

conversation('a delete with nowait gets no reply but takes effect', async ({ channel, name }) => {
  const { call, send } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'direct' });
  send('exchange.delete', { exchange: name('x'), nowait: true });
  await call('exchange.declare', { exchange: name('x'), passive: true });
});

conversation('amq.direct cannot be deleted', async ({ channel }) => {
  const { call } = await channel();
  await call('exchange.delete', { exchange: 'amq.direct' });
});

conversation('the default exchange cannot be deleted', async ({ channel }) => {
  const { call } = await channel();
  await call('exchange.delete', { exchange: '' });
});

conversation('an auto-delete exchange is deleted with its last binding', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'direct', autoDelete: true });
  await call('exchange.declare', { exchange: name('x'), passive: true });
  await call('queue.declare', { queue: name('q') });
  await call('queue.bind', { queue: name('q'), exchange: name('x'), routingKey: 'a' });
  await call('queue.bind', { queue: name('q'), exchange: name('x'), routingKey: 'b' });
  await call('queue.unbind', { queue: name('q'), exchange: name('x'), routingKey: 'a' });
  await call('exchange.declare', { exchange: name('x'), passive: true });
  await call('queue.unbind', { queue: name('q'), exchange: name('x'), routingKey: 'b' });
  await call('exchange.declare', { exchange: name('x'), passive: true });
});

conversation('an auto-delete exchange is deleted with the last queue bound to it', async ({ channel, name }) => {
  const { call } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'direct', autoDelete: true });
  await call('queue.declare', { queue: name('q') });
  await call('queue.bind', { queue: name('q'), exchange: name('x'), routingKey: 'a' });
  await call('queue.delete', { queue: name('q') });
  await call('exchange.declare', { exchange: name('x'), passive: true });
});

conversation('publishing to an internal exchange is refused', async ({ channel, name }) => {
  const { call, publish, closed } = await channel();
  await call('exchange.declare', { exchange: name('x'), type: 'direct', internal: true });
  publish(name('x'), 'k', 'x');
  await closed();
});
