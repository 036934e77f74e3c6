import { typed, type Value } from '../../../support/amqp/values.js';
import { useBothBrokers } from './conversation.js';

const { conversation } = useBothBrokers();

const INVALID: Array<[argument: string, values: Value[]]> = [
  ['x-message-ttl', [-1, 'soon', 1.5, true, typed('l', 2 ** 40), typed('d', 10)]],
  ['x-expires', [0, -1, 'soon', typed('l', 2 ** 40)]],
  ['x-max-length', [-1, 'many', typed('d', 3)]],
  ['x-max-length-bytes', [-1, 'many', false]],
  ['x-overflow', ['drop-tail', 1]],
  ['x-dead-letter-exchange', [1, true, null]],
  ['x-dead-letter-routing-key', ['no exchange', 1]],
  ['x-queue-type', ['nosuch', 1, '']],
];

for (const [argument, values] of INVALID) {
  for (const value of values) {
    const given = JSON.stringify(value);
    conversation(`a queue is not declared with ${argument} ${given}`, async ({ channel, name }) => {
      const { call } = await channel();
      await call('queue.declare', { queue: name('q'), arguments: { [argument]: value } });
    });
  }
}

for (const [argument, value] of [
  ['x-delivery-limit', 3],
  ['x-dead-letter-strategy', 'at-least-once'],
] as const) {
  conversation(
    `a classic queue is declared with ${argument}, an argument of quorum queues`,
    async ({ channel, name }) => {
      const { call } = await channel();
      await call('queue.declare', { queue: name('q'), arguments: { [argument]: value } });
    },
  );
}

conversation('the limits may be zero', async ({ channel, name }) => {
  const { call } = await channel();
  const none = { 'x-message-ttl': 0, 'x-max-length': 0, 'x-max-length-bytes': 0 };
  await call('queue.declare', { queue: name('q'), arguments: none });
});

conversation('every overflow mode of a classic queue is accepted', async ({ channel, name }) => {
  const { call } = await channel();
  for (const overflow of ['drop-head', 'reject-publish']) {
    await call('queue.declare', { queue: name(overflow), arguments: { 'x-overflow': overflow } });
  }
});

const QUORUM = { 'x-queue-type': 'quorum' };
for (const [what, declaration] of [
  ['that is not durable', { durable: false }],
  ['that is exclusive', { durable: true, exclusive: true }],
  ['that deletes itself', { durable: true, autoDelete: true }],
] as const) {
  conversation(`a quorum queue ${what} is a 406`, async ({ channel, name }) => {
    const { call } = await channel();
    await call('queue.declare', { queue: name('q'), ...declaration, arguments: QUORUM });
  });
}

for (const [argument, value] of [
  ['x-overflow', 'drop-tail'],
  ['x-delivery-limit', -1],
  ['x-delivery-limit', 'often'],
  ['x-dead-letter-strategy', 'sometimes'],
  ['x-message-ttl', -5],
] as const) {
  conversation(`a quorum queue is declared with ${argument} ${value}`, async ({ channel, name }) => {
    const { call } = await channel();
    await call('queue.declare', { queue: name('q'), durable: true, arguments: { ...QUORUM, [argument]: value } });
  });
}

conversation('a quorum queue is declared with all its arguments, and redeclared', async ({ channel, name }) => {
  const { call } = await channel();
  const all = {
    ...QUORUM,
    'x-message-ttl': 60_000,
    'x-max-length': 100,
    'x-max-length-bytes': 10_000,
    'x-overflow': 'reject-publish',
    'x-delivery-limit': 5,
    'x-dead-letter-exchange': 'amq.direct',
    'x-dead-letter-routing-key': 'dead',
    'x-dead-letter-strategy': 'at-least-once',
  };
  await call('queue.declare', { queue: name('q'), durable: true, arguments: all });
  await call('queue.declare', { queue: name('q'), durable: true, arguments: all });
  await call('queue.declare', { queue: name('q'), durable: true, arguments: { ...all, 'x-delivery-limit': 6 } });
});

for (const [argument, value, another] of [
  ['x-dead-letter-strategy', 'at-least-once', 'at-most-once'],
  ['x-overflow', 'drop-head', 'reject-publish'],
  ['x-max-length', 10, 11],
  ['x-message-ttl', 10_000, 11_000],
] as const) {
  conversation(`a quorum queue declared again with another ${argument} is a 406`, async ({ channel, name }) => {
    const { call } = await channel();
    const first = { ...QUORUM, [argument]: value };
    await call('queue.declare', { queue: name('q'), durable: true, arguments: first });
    await call('queue.declare', { queue: name('q'), durable: true, arguments: { ...first, [argument]: another } });
  });
}
