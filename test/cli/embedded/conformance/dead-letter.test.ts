import { typed } from '../../../support/amqp/values.js';
import { useBothBrokers } from './conversation.js';
import type { Stage } from './stage.js';

const { conversation } = useBothBrokers();

/** A channel with the queue `q`, which sends what dies to the queue `dead`, and the queue `dead`. */
async function mortal({ confirming, name }: Stage, more: Record<string, string | number> = {}) {
  const channel = await confirming();
  const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name('dead') };
  await channel.call('queue.declare', { queue: name('dead') });
  await channel.call('queue.declare', { queue: name('q'), arguments: { ...letters, ...more } });
  return channel;
}

conversation('a rejected message goes on with the story of its death', async (stage) => {
  const { call, publish, confirmed, send, drain } = await mortal(stage);
  const properties = { messageId: 'id', deliveryMode: 2, headers: { own: 1, 'x-other': typed('l', 5) } };
  publish('', stage.name('q'), 'x', { properties });
  await confirmed(1);
  await call('basic.get', { queue: stage.name('q') });
  send('basic.reject', { deliveryTag: 1, requeue: false });
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('a message without headers or properties gets the headers of its death only', async (stage) => {
  const { call, publish, confirmed, send, drain } = await mortal(stage);
  publish('', stage.name('q'), 'x');
  await confirmed(1);
  await call('basic.get', { queue: stage.name('q') });
  send('basic.nack', { deliveryTag: 1, requeue: false });
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('several at once go on in their order', async (stage) => {
  const { call, publish, confirmed, send, drain } = await mortal(stage);
  for (const body of ['1', '2', '3']) publish('', stage.name('q'), body);
  await confirmed(3);
  for (let n = 0; n < 3; n += 1) await call('basic.get', { queue: stage.name('q') });
  send('basic.nack', { deliveryTag: 3, multiple: true, requeue: false });
  await stage.holds(stage.name('dead'), 3);
  await drain(stage.name('dead'));
});

conversation('messages that a queue keeps too long go on', async (stage) => {
  const { publish, confirmed, drain } = await mortal(stage, { 'x-message-ttl': 60 });
  for (const body of ['1', '2', '3']) publish('', stage.name('q'), body);
  await confirmed(3);
  await stage.holds(stage.name('dead'), 3);
  await drain(stage.name('q'));
  await drain(stage.name('dead'));
});

conversation('a message’s own expiration is taken out and told when it goes on', async (stage) => {
  const { publish, confirmed, drain } = await mortal(stage);
  publish('', stage.name('q'), 'x', { properties: { expiration: '50', messageId: 'id' } });
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('the shorter of a queue’s and a message’s time counts', async (stage) => {
  const { publish, confirmed, drain } = await mortal(stage, { 'x-message-ttl': 60 });
  publish('', stage.name('q'), 'its queue’s', { properties: { expiration: '60000' } });
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  publish('', stage.name('q'), 'its own', { properties: { expiration: '20' } });
  await confirmed(2);
  await stage.holds(stage.name('dead'), 2);
  await drain(stage.name('dead'));
});

conversation('a message behind one that stays longer waits for it', async (stage) => {
  const { publish, confirmed, drain, call } = await mortal(stage);
  publish('', stage.name('q'), 'long', { properties: { expiration: '60000' } });
  publish('', stage.name('q'), 'short', { properties: { expiration: '1' } });
  await confirmed(2);
  publish('', stage.name('dead'), 'marker', { properties: { expiration: '50' } });
  await confirmed(3);
  await stage.holds(stage.name('dead'), 0);
  await call('queue.declare', { queue: stage.name('q'), passive: true });
  await drain(stage.name('q'));
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('without time, only who waits already gets a message', async (stage) => {
  const { publish, confirmed, drain, call, receive } = await mortal(stage, { 'x-message-ttl': 0 });
  publish('', stage.name('q'), 'nobody waits');
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  await call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader', noAck: true });
  publish('', stage.name('q'), 'somebody waits');
  await receive('basic.deliver');
  await drain(stage.name('dead'));
});

conversation('an expiration of zero is the same for one message', async (stage) => {
  const { publish, confirmed, drain } = await mortal(stage);
  publish('', stage.name('q'), 'x', { properties: { expiration: '0' } });
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('what is out to a consumer does not expire; given back too late it does', async (stage) => {
  const { publish, confirmed, drain, call, send } = await mortal(stage, { 'x-message-ttl': 250 });
  publish('', stage.name('q'), 'out');
  await confirmed(1);
  await call('basic.get', { queue: stage.name('q') });
  publish('', stage.name('q'), 'in');
  await confirmed(2);
  await stage.holds(stage.name('dead'), 1);
  send('basic.reject', { deliveryTag: 1, requeue: true });
  await stage.holds(stage.name('dead'), 2);
  await drain(stage.name('dead'));
});

conversation('without a dead-letter exchange what expires is gone', async ({ confirming, name, holds }) => {
  const { call, publish, confirmed, drain } = await confirming();
  await call('queue.declare', { queue: name('q'), arguments: { 'x-message-ttl': 40 } });
  publish('', name('q'), 'x');
  await confirmed(1);
  await holds(name('q'), 0);
  await drain(name('q'));
});

conversation(
  'without a key of its own for the dead, a queue keeps the message’s',
  async ({ confirming, name, holds }) => {
    const { call, publish, confirmed, drain } = await confirming();
    await call('exchange.declare', { exchange: name('dlx'), type: 'direct' });
    await call('queue.declare', { queue: name('dead') });
    await call('queue.bind', { queue: name('dead'), exchange: name('dlx'), routingKey: name('key') });
    const letters = { 'x-dead-letter-exchange': name('dlx'), 'x-message-ttl': 20 };
    await call('queue.declare', { queue: name('q'), arguments: letters });
    await call('queue.bind', { queue: name('q'), exchange: 'amq.direct', routingKey: name('key') });
    publish('amq.direct', name('key'), 'x');
    await confirmed(1);
    await holds(name('dead'), 1);
    await drain(name('dead'));
  },
);

conversation('a dead-letter exchange that is not there takes nothing, and is no fault', async (stage) => {
  const { call, publish, confirmed, drain } = await stage.confirming();
  const letters = { 'x-dead-letter-exchange': stage.name('missing'), 'x-message-ttl': 20 };
  await call('queue.declare', { queue: stage.name('q'), arguments: letters });
  publish('', stage.name('q'), 'x');
  await confirmed(1);
  await stage.holds(stage.name('q'), 0);
  await drain(stage.name('q'));
});

conversation('a dead-letter exchange that comes later takes what dies from then on', async (stage) => {
  const { call, publish, confirmed, drain } = await stage.confirming();
  const letters = { 'x-dead-letter-exchange': stage.name('dlx'), 'x-message-ttl': 20 };
  await call('queue.declare', { queue: stage.name('q'), arguments: letters });
  await call('exchange.declare', { exchange: stage.name('dlx'), type: 'direct' });
  await call('queue.declare', { queue: stage.name('dead') });
  await call('queue.bind', { queue: stage.name('dead'), exchange: stage.name('dlx'), routingKey: stage.name('q') });
  publish('', stage.name('q'), 'x');
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('messages that expire in a circle end there', async ({ confirming, name, holds }) => {
  const { call, publish, confirmed, drain } = await confirming();
  const to = (key: string, ttl: number) => ({
    arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name(key), 'x-message-ttl': ttl },
  });
  await call('queue.declare', { queue: name('a'), ...to('b', 20) });
  await call('queue.declare', { queue: name('b'), ...to('a', 20) });
  await call('queue.declare', { queue: name('later'), ...to('end', 300) });
  await call('queue.declare', { queue: name('end') });
  publish('', name('a'), 'x');
  publish('', name('later'), 'by then it is over');
  await confirmed(2);
  await holds(name('end'), 1);
  for (const queue of ['a', 'b', 'end']) await drain(name(queue));
});

conversation('a circle with a reject in it goes on and is counted', async (stage) => {
  const { call, publish, receive, send, drain } = await stage.confirming();
  const to = (queue: string) => ({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': stage.name(queue) });
  await call('queue.declare', { queue: stage.name('work'), arguments: to('retry') });
  await call('queue.declare', { queue: stage.name('retry'), arguments: { ...to('work'), 'x-message-ttl': 20 } });
  await call('basic.consume', { queue: stage.name('work'), consumerTag: 'worker' });
  publish('', stage.name('work'), 'job');
  for (let deliveryTag = 1; deliveryTag <= 4; deliveryTag += 1) {
    await receive('basic.deliver');
    if (deliveryTag < 4) send('basic.reject', { deliveryTag, requeue: false });
  }
  await drain(stage.name('retry'));
});

conversation('three deaths in three queues are told with the last one first', async (stage) => {
  const { call, publish, confirmed, drain } = await stage.confirming();
  const to = (queue: string) => ({
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': stage.name(queue),
    'x-message-ttl': 20,
  });
  await call('queue.declare', { queue: stage.name('a'), arguments: to('b') });
  await call('queue.declare', { queue: stage.name('b'), arguments: to('c') });
  await call('queue.declare', { queue: stage.name('c'), arguments: to('end') });
  await call('queue.declare', { queue: stage.name('end') });
  publish('', stage.name('a'), 'x', { properties: { expiration: '10' } });
  await confirmed(1);
  await stage.holds(stage.name('end'), 1);
  await drain(stage.name('end'));
});

conversation('a message that was dead before and is published again goes on counting', async (stage) => {
  const { call, publish, confirmed, drain } = await mortal(stage, { 'x-message-ttl': 20 });
  const death = {
    count: typed('l', 3),
    reason: 'expired',
    queue: stage.name('q'),
    time: typed('T', 1_700_000_000),
    exchange: '',
    'routing-keys': [stage.name('q')],
  };
  publish('', stage.name('q'), 'x', { properties: { headers: { 'x-death': [death] } } });
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
  await call('queue.declare', { queue: stage.name('q'), passive: true });
});

conversation('a queue that is purged or deleted sends nobody to the dead', async (stage) => {
  const { call, publish, confirmed, drain } = await mortal(stage);
  publish('', stage.name('q'), '1');
  await confirmed(1);
  await call('queue.purge', { queue: stage.name('q') });
  publish('', stage.name('q'), '2');
  await confirmed(2);
  await call('queue.delete', { queue: stage.name('q') });
  await drain(stage.name('dead'));
});

conversation('a queue that expires sends nobody to the dead', async (stage) => {
  const { call, publish, confirmed, drain } = await stage.confirming();
  await call('queue.declare', { queue: stage.name('dead') });
  const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': stage.name('dead'), 'x-expires': 40 };
  await call('queue.declare', { queue: stage.name('q'), arguments: letters });
  publish('', stage.name('q'), 'x');
  await confirmed(1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await call('queue.delete', { queue: stage.name('q') });
  await drain(stage.name('dead'));
});

conversation('the dead are kept by a queue with limits of its own', async ({ confirming, name, holds }) => {
  const { call, publish, confirmed, drain } = await confirming();
  const to = (key: string) => ({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name(key) });
  await call('queue.declare', { queue: name('end') });
  await call('queue.declare', { queue: name('dead'), arguments: { ...to('end'), 'x-max-length': 1 } });
  await call('queue.declare', { queue: name('q'), arguments: { ...to('dead'), 'x-max-length': 1 } });
  for (const body of ['1', '2', '3']) {
    publish('', name('q'), body);
    await confirmed(Number(body));
  }
  await holds(name('end'), 1);
  for (const queue of ['q', 'dead', 'end']) await drain(name(queue));
});
