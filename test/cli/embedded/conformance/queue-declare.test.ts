import { type Table, typed } from '../../../support/amqp/values.js';
import { useBothBrokers } from './conversation.js';

const { conversation } = useBothBrokers();

conversation('a new queue is empty and has no consumers', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
});

conversation('redeclaring a queue returns its message and consumer counts', async ({ confirming, name }) => {
  const { call, publish, confirmed } = await confirming();
  await call('queue.declare', { queue: name('q'), durable: true });
  publish('', name('q'), 'one');
  publish('', name('q'), 'two');
  await confirmed(2);
  await call('queue.declare', { queue: name('q'), durable: true });
  await call('basic.qos', { prefetchCount: 1 });
  await call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  await call('queue.declare', { queue: name('q'), durable: true }, { silent: true });
  await call('queue.declare', { queue: name('q'), durable: true });
});

conversation('a queue without a name gets one from the server', async ({ channel }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: '', exclusive: true });
});

conversation('an empty queue name means the last one declared on the channel', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('queue.bind', { queue: '', exchange: 'amq.direct', routingKey: '' });
  await call('queue.unbind', { queue: name('q'), exchange: 'amq.direct', routingKey: name('q') });
  await call('queue.purge', { queue: '' });
  await call('basic.get', { queue: '' });
  await call('basic.consume', { queue: '', consumerTag: 'reader' });
  await call('basic.cancel', { consumerTag: 'reader' });
  await call('queue.delete', { queue: '' });
});

for (const [method, args] of [
  ['queue.bind', { exchange: 'amq.direct' }],
  ['queue.unbind', { exchange: 'amq.direct' }],
  ['queue.purge', {}],
  ['queue.delete', {}],
  ['basic.get', {}],
  ['basic.consume', {}],
] as const) {
  conversation(`${method} without a name, and none declared before, is a 404`, async ({ channel }) => {
    const { call } = await channel();
    await call(method, { queue: '', ...args });
  });
}

conversation('a passive declare must name its queue', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('queue.declare', { queue: '', passive: true });
});

conversation('a queue name that begins with amq. is refused with 403', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: `amq.${name('q')}` });
});

conversation(
  'a passive declare of a queue that is not there closes the channel with 404',
  async ({ channel, name }) => {
    const { call } = await channel();
    await call('queue.declare', { queue: name('missing'), passive: true });
  },
);

conversation('a passive declare ignores all other properties', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  const other = { durable: true, autoDelete: true, arguments: { 'x-max-length': 3 } };
  await call('queue.declare', { queue: name('q'), passive: true, ...other });
});

conversation('a declare with nowait gets no reply but takes effect', async ({ channel, name }) => {
  const { call, send } = await channel();
  send('queue.declare', { queue: name('q'), nowait: true });
  await call('queue.declare', { queue: name('q'), passive: true });
});

conversation('a failing declare with nowait closes the channel', async ({ channel, name }) => {
  const { call, send, closed } = await channel();
  await call('queue.declare', { queue: name('q') });
  send('queue.declare', { queue: name('q'), nowait: true, durable: true });
  await closed();
});

conversation('a name may contain any characters, up to 255 bytes', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: `${name('q')} ÄÖ 日本 "'\\ /` });
  await call('queue.declare', { queue: name('q').padEnd(255, 'z') });
});

for (const [property, again] of [
  ['durable', { durable: false }],
  ['auto_delete', { durable: true, autoDelete: true }],
  ['exclusive', { durable: true, exclusive: true }],
] as const) {
  conversation(`a queue declared again with another ${property} is refused`, async ({ channel, name }) => {
    const { call } = await channel();
    await call('queue.declare', { queue: name('q'), durable: true });
    await call('queue.declare', { queue: name('q'), ...again });
  });
}

const DECLARED: Table = {
  'x-message-ttl': 60_000,
  'x-expires': 60_000,
  'x-max-length': 100,
  'x-max-length-bytes': 10_000,
  'x-overflow': 'drop-head',
  'x-dead-letter-exchange': 'amq.direct',
  'x-dead-letter-routing-key': 'dead',
};

for (const [argument, value] of Object.entries(DECLARED)) {
  const another = typeof value === 'number' ? value + 1 : argument === 'x-overflow' ? 'reject-publish' : 'another';
  conversation(`a queue declared again with another ${argument} is a 406`, async ({ channel, name }) => {
    const { call } = await channel();
    await call('queue.declare', { queue: name('q'), arguments: DECLARED });
    await call('queue.declare', { queue: name('q'), arguments: { ...DECLARED, [argument]: another } });
  });
}

conversation('a missing queue argument is refused with 406', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q'), arguments: { 'x-max-length': 5 } });
  await call('queue.declare', { queue: name('q') });
});

conversation('an additional queue argument is refused with 406', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q') });
  await call('queue.declare', { queue: name('q'), arguments: { 'x-message-ttl': 5 } });
});

conversation('numbers of another type but the same value are the same argument', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q'), arguments: { 'x-message-ttl': 200, 'x-max-length': 7 } });
  const again = { 'x-message-ttl': typed('l', 200), 'x-max-length': typed('b', 7) };
  await call('queue.declare', { queue: name('q'), arguments: again });
  await call('queue.declare', { queue: name('q'), arguments: { ...again, 'x-max-length': typed('s', 8) } });
});

conversation('arguments are equal in any order', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q'), arguments: { 'x-message-ttl': 200, 'x-max-length': 7 } });
  await call('queue.declare', { queue: name('q'), arguments: { 'x-max-length': 7, 'x-message-ttl': 200 } });
});

conversation('an unknown queue argument is accepted and not compared', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q'), arguments: { 'x-unknown': 'a', other: 1 } });
  await call('queue.declare', { queue: name('q') });
});

conversation('a queue of type classic is the same as one without a type', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q'), durable: true });
  await call('queue.declare', { queue: name('q'), durable: true, arguments: { 'x-queue-type': 'classic' } });
  await call('queue.declare', { queue: name('p'), durable: true, arguments: { 'x-queue-type': 'classic' } });
  await call('queue.declare', { queue: name('p'), durable: true });
});

conversation('a classic queue declared again as a quorum queue is refused with 406', async ({ channel, name }) => {
  const { call } = await channel();
  await call('queue.declare', { queue: name('q'), durable: true });
  await call('queue.declare', { queue: name('q'), durable: true, arguments: { 'x-queue-type': 'quorum' } });
});
