import { typed } from '../../../support/amqp/values.js';
import { useBothBrokers } from './conversation.js';

const { conversation } = useBothBrokers();

conversation('a message is kept as it was published, with every property', async ({ confirming, name }) => {
  const { call, publish, confirmed, drain } = await confirming();
  await call('queue.declare', { queue: name('q') });
  const properties = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 7,
    correlationId: 'correlation',
    replyTo: 'reply',
    expiration: '60000',
    messageId: 'id',
    timestamp: 1_700_000_000,
    type: 'type',
    userId: 'guest',
    appId: 'app',
    clusterId: 'cluster',
  };
  publish('', name('q'), '{"a":1}', { properties });
  publish('', name('q'), 'bare');
  publish('', name('q'), '', { properties: { deliveryMode: 1, headers: {} } });
  await confirmed(3);
  await drain(name('q'));
});

conversation('headers keep the type of every value, and their order', async ({ confirming, name }) => {
  const { call, publish, confirmed, drain } = await confirming();
  await call('queue.declare', { queue: name('q') });
  const headers = {
    text: 'grüße',
    yes: true,
    no: false,
    nothing: null,
    byte: typed('b', -5),
    octet: typed('B', 200),
    short: typed('s', -300),
    int: 70_000,
    long: typed('l', 2 ** 40),
    small: typed('l', 1),
    float: typed('f', 0.5),
    double: typed('d', 1.1),
    time: typed('T', 1_700_000_000),
    bytes: typed('x', 'raw'),
    list: [1, 'two', [true], { deep: 'x' }],
    table: { inner: { innermost: 3 } },
    empty: {},
    none: [],
  };
  publish('', name('q'), 'x', { properties: { headers } });
  await confirmed(1);
  await drain(name('q'));
});

conversation('publishing to an exchange that does not exist closes the channel with 404', async ({ channel, name }) => {
  const { publish, closed } = await channel();
  publish(name('missing'), 'k', 'x');
  await closed();
});

conversation('a channel in confirm mode is also closed with 404', async ({ confirming, name }) => {
  const { call, publish, confirmed, closed } = await confirming();
  await call('queue.declare', { queue: name('q') });
  publish('', name('q'), 'x');
  await confirmed(1);
  publish(name('missing'), 'k', 'x');
  await closed();
});

conversation('an unroutable mandatory message is returned with 312, then confirmed', async (stage) => {
  const channel = await stage.confirming();
  channel.recordsConfirms = true;
  const properties = { messageId: 'id', headers: { a: 1 } };
  channel.publish('', stage.name('nobody'), 'back', { mandatory: true, properties });
  await channel.receive('basic.ack');
  channel.publish('amq.direct', stage.name('nobody'), '', { mandatory: true });
  await channel.receive('basic.ack');
});

conversation('a mandatory message is returned on a channel without confirms', async ({ channel, name }) => {
  const { publish, receive } = await channel();
  publish('amq.direct', name('nobody'), 'back', { mandatory: true });
  await receive('basic.return');
});

conversation('a routed mandatory message is not returned', async ({ confirming, name }) => {
  const { call, publish, confirmed } = await confirming();
  await call('queue.declare', { queue: name('q') });
  publish('', name('q'), 'x', { mandatory: true });
  await confirmed(1);
  await call('queue.declare', { queue: name('q'), passive: true });
});

conversation('an unroutable message that is not mandatory is confirmed and lost', async ({ confirming, name }) => {
  const { publish, confirmed, call } = await confirming();
  publish('', name('nobody'), 'lost');
  publish('amq.direct', name('nobody'), 'lost');
  publish('', '', 'lost');
  await confirmed(3);
  await call('queue.declare', { queue: name('q') });
});

conversation('an immediate message is refused with 540', async ({ channel, name }) => {
  const { call, publish, peer } = await channel();
  await call('queue.declare', { queue: name('q') });
  publish('', name('q'), 'x', { immediate: true });
  await peer.next('connection.close');
});

conversation('a user id that is not the login’s is refused with 406', async ({ channel, name }) => {
  const { call, publish, closed } = await channel();
  await call('queue.declare', { queue: name('q') });
  publish('', name('q'), 'x', { properties: { userId: 'somebody' } });
  await closed();
});

for (const expiration of ['soon', '-1', '1.5', '', ' 5']) {
  conversation(`an expiration of ${JSON.stringify(expiration)} is a 406`, async ({ channel, name }) => {
    const { call, publish, closed } = await channel();
    await call('queue.declare', { queue: name('q') });
    publish('', name('q'), 'x', { properties: { expiration } });
    await closed();
  });
}

conversation('confirm.select may be repeated, and counting continues', async ({ channel, name }) => {
  const { call, publish, confirmed } = await channel();
  await call('queue.declare', { queue: name('q') });
  publish('', name('q'), 'not counted');
  await call('confirm.select');
  publish('', name('q'), 'one');
  await confirmed(1);
  await call('confirm.select');
  publish('', name('q'), 'two');
  await confirmed(2);
});

conversation('confirm.select with nowait gets no reply but takes effect', async ({ channel, name }) => {
  const { send, publish, confirmed, call } = await channel();
  send('confirm.select', { nowait: true });
  publish('', name('nobody'), 'one');
  await confirmed(1);
  await call('queue.declare', { queue: name('q') });
});

conversation('two hundred messages at once are all confirmed, in their order in the queue', async (stage) => {
  const channel = await stage.confirming();
  const queue = stage.name('q');
  await channel.call('queue.declare', { queue, durable: true });
  for (let n = 1; n <= 200; n += 1) channel.publish('', queue, `${n}`, { properties: { deliveryMode: 2 } });
  await channel.confirmed(200);
  await channel.drain(queue);
});

conversation('a large message is delivered in frames of the negotiated size', async ({ channel, name, holds }) => {
  const { call, publish } = await channel();
  const small = await channel({ frameMax: 4096 });
  await call('queue.declare', { queue: name('q') });
  for (let copy = 0; copy < 2; copy += 1) publish('', name('q'), Buffer.alloc(300_000, 'loghive '));
  await holds(name('q'), 2);
  await call('basic.get', { queue: name('q'), noAck: true });
  await small.call('basic.get', { queue: name('q'), noAck: true });
});

conversation('a message that fits one frame exactly is delivered in one', async ({ channel, name, holds }) => {
  const { call, publish } = await channel({ frameMax: 4096 });
  await call('queue.declare', { queue: name('q') });
  for (const size of [4088, 4089]) publish('', name('q'), Buffer.alloc(size, 'x'));
  await holds(name('q'), 2);
  await call('basic.get', { queue: name('q'), noAck: true });
  await call('basic.get', { queue: name('q'), noAck: true });
});

conversation('bytes that are not text are preserved', async ({ confirming, name, note }) => {
  const channel = await confirming();
  await channel.call('queue.declare', { queue: name('q') });
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
  channel.publish('', name('q'), bytes);
  await channel.confirmed(1);
  const got = await channel.call('basic.get', { queue: name('q') });
  note('the same', got?.message?.body.equals(bytes));
});
