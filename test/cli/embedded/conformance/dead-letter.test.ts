import { typed } from '../../../support/amqp/values.js';
import { useBothBrokers } from './conversation.js';
import type { Stage } from './stage.js';

const { conversation } = useBothBrokers();

/** A channel with a queue `q` that dead-letters to the queue `dead`. */
async function mortal({ confirming, name }: Stage, more: Record<string, string | number> = {}) {
  const channel = await confirming();
  const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name('dead') };
  await channel.call('queue.declare', { queue: name('dead') });
  await channel.call('queue.declare', { queue: name('q'), arguments: { ...letters, ...more } });
  return channel;
}

conversation('a rejected message is dead-lettered with its death headers', async (stage) => {
  const { call, publish, confirmed, send, drain } = await mortal(stage);
  const properties = { messageId: 'id', deliveryMode: 2, headers: { own: 1, 'x-other': typed('l', 5) } };
  publish('', stage.name('q'), 'x', { properties });
  await confirmed(1);
  await call('basic.get', { queue: stage.name('q') });
  send('basic.reject', { deliveryTag: 1, requeue: false });
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('a message without headers or properties only gets the dead-letter headers', async (stage) => {
  const { call, publish, confirmed, send, drain } = await mortal(stage);
  publish('', stage.name('q'), 'x');
  await confirmed(1);
  await call('basic.get', { queue: stage.name('q') });
  send('basic.nack', { deliveryTag: 1, requeue: false });
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('several expired messages are dead-lettered in order', async (stage) => {
  const { call, publish, confirmed, send, drain } = await mortal(stage);
  for (const body of ['1', '2', '3']) publish('', stage.name('q'), body);
  await confirmed(3);
  for (let n = 0; n < 3; n += 1) await call('basic.get', { queue: stage.name('q') });
  send('basic.nack', { deliveryTag: 3, multiple: true, requeue: false });
  await stage.holds(stage.name('dead'), 3);
  await drain(stage.name('dead'));
});

conversation('expired messages are dead-lettered', async (stage) => {
  const { publish, confirmed, drain } = await mortal(stage, { 'x-message-ttl': 60 });
  for (const body of ['1', '2', '3']) publish('', stage.name('q'), body);
  await confirmed(3);
  await stage.holds(stage.name('dead'), 3);
  await drain(stage.name('q'));
  await drain(stage.name('dead'));
});

conversation('dead-lettering moves the expiration to original-expiration', async (stage) => {
  const { publish, confirmed, drain } = await mortal(stage);
  publish('', stage.name('q'), 'x', { properties: { expiration: '50', messageId: 'id' } });
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('the shorter of the queue’s TTL and the message’s expiration applies', async (stage) => {
  const { publish, confirmed, drain } = await mortal(stage, { 'x-message-ttl': 60 });
  publish('', stage.name('q'), 'its queue’s', { properties: { expiration: '60000' } });
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  publish('', stage.name('q'), 'its own', { properties: { expiration: '20' } });
  await confirmed(2);
  await stage.holds(stage.name('dead'), 2);
  await drain(stage.name('dead'));
});

conversation('a message does not expire before the one ahead of it', async (stage) => {
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

conversation('with a TTL of zero, only a waiting consumer gets a message', async (stage) => {
  const { publish, confirmed, drain, call, receive } = await mortal(stage, { 'x-message-ttl': 0 });
  publish('', stage.name('q'), 'nobody waits');
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  await call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader', noAck: true });
  publish('', stage.name('q'), 'somebody waits');
  await receive('basic.deliver');
  await drain(stage.name('dead'));
});

conversation('an expiration of zero does the same for one message', async (stage) => {
  const { publish, confirmed, drain } = await mortal(stage);
  publish('', stage.name('q'), 'x', { properties: { expiration: '0' } });
  await confirmed(1);
  await stage.holds(stage.name('dead'), 1);
  await drain(stage.name('dead'));
});

conversation('an unacknowledged message does not expire until it is requeued', async (stage) => {
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

conversation('expired messages are dropped without a dead-letter exchange', async ({ confirming, name, holds }) => {
  const { call, publish, confirmed, drain } = await confirming();
  await call('queue.declare', { queue: name('q'), arguments: { 'x-message-ttl': 40 } });
  publish('', name('q'), 'x');
  await confirmed(1);
  await holds(name('q'), 0);
  await drain(name('q'));
});

conversation(
  'a dead letter keeps its routing key if its queue has no dead-letter routing key',
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

conversation('a missing dead-letter exchange is not an error', async (stage) => {
  const { call, publish, confirmed, drain } = await stage.confirming();
  const letters = { 'x-dead-letter-exchange': stage.name('missing'), 'x-message-ttl': 20 };
  await call('queue.declare', { queue: stage.name('q'), arguments: letters });
  publish('', stage.name('q'), 'x');
  await confirmed(1);
  await stage.holds(stage.name('q'), 0);
  await drain(stage.name('q'));
});

conversation('a dead-letter exchange declared later receives dead letters from then on', async (stage) => {
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

conversation('expired messages are dropped in a dead-letter cycle', async ({ confirming, name, holds }) => {
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

conversation('a dead-letter cycle that includes a reject continues and is counted', async (stage) => {
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

conversation('three deaths in three queues are recorded, latest first', async (stage) => {
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

conversation('republishing a dead letter keeps its death count', async (stage) => {
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

conversation('purging or deleting a queue dead-letters nothing', async (stage) => {
  const { call, publish, confirmed, drain } = await mortal(stage);
  publish('', stage.name('q'), '1');
  await confirmed(1);
  await call('queue.purge', { queue: stage.name('q') });
  publish('', stage.name('q'), '2');
  await confirmed(2);
  await call('queue.delete', { queue: stage.name('q') });
  await drain(stage.name('dead'));
});

conversation('an expiring queue dead-letters nothing', async (stage) => {
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

conversation('dead letters go to a queue with its own limits', async ({ confirming, name, holds }) => {
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
