import amqplib, { type GetMessage, type Message } from 'amqplib';
import { useBothBrokers } from './conversation.js';
import { shown } from './stage.js';

const { conversation } = useBothBrokers();

/** The next message of a consumer, in order. */
function inbox() {
  const came: Array<Message | null> = [];
  const waiting: Array<(message: Message | null) => void> = [];
  return {
    take: (message: Message | null) => {
      const next = waiting.shift();
      if (next) next(message);
      else came.push(message);
    },
    next: (): Promise<Message | null> =>
      came.length > 0 ? Promise.resolve(came.shift() as Message) : new Promise((resolve) => waiting.push(resolve)),
  };
}

conversation('amqplib: a message is routed through an exchange, consumed and acknowledged', async (stage) => {
  const channel = await stage.amqplibChannel();
  const { name, note } = stage;
  note('exchange', await channel.assertExchange(name('x'), 'direct', { durable: true }));
  note('queue', await channel.assertQueue(name('q'), { durable: true }));
  await channel.bindQueue(name('q'), name('x'), 'key');
  const { take, next } = inbox();
  await channel.consume(name('q'), take, { consumerTag: 'reader' });
  channel.publish(name('x'), 'key', Buffer.from('hello'), {
    persistent: true,
    contentType: 'text/plain',
    messageId: 'id',
    timestamp: 1_700_000_000,
    headers: { number: 1, half: 0.5, text: 'ü', list: [1, null, true], deep: { er: 'x' } },
  });
  const message = await next();
  note('message', shown(message));
  channel.ack(message as Message);
  note('deleted', await channel.deleteQueue(name('q')));
});

conversation(
  'amqplib: each message is confirmed, with an error if its queue is full',
  async ({ amqplibConfirmChannel, name, note }) => {
    const channel = await amqplibConfirmChannel();
    await channel.assertQueue(name('q'), { durable: true });
    for (let n = 0; n < 50; n += 1) channel.sendToQueue(name('q'), Buffer.from(`${n}`));
    await channel.waitForConfirms();
    note('queue', await channel.checkQueue(name('q')));
    await channel.assertQueue(name('full'), { maxLength: 1, arguments: { 'x-overflow': 'reject-publish' } });
    for (let n = 0; n < 3; n += 1) {
      const error = await new Promise((resolve) => channel.sendToQueue(name('full'), Buffer.from('x'), {}, resolve));
      note('confirmed', (error as Error | null)?.message ?? 'well');
    }
    note('purged', await channel.purgeQueue(name('q')));
  },
);

conversation('amqplib: an unroutable mandatory message is returned', async ({ amqplibConfirmChannel, name, note }) => {
  const channel = await amqplibConfirmChannel();
  channel.on('return', (message) => note('returned', shown(message)));
  channel.publish('', name('nobody'), Buffer.from('back'), { mandatory: true, correlationId: 'c' });
  await channel.waitForConfirms();
  note('then', 'confirmed');
});

conversation('amqplib: a queue that does not exist is an error of the channel', async ({ amqplib, name, note }) => {
  const connection = await amqplib();
  const channel = await connection.createChannel();
  channel.on('error', (error) => note('channel error', { ...error, text: error.message }));
  const closed = new Promise<void>((resolve) => channel.on('close', resolve));
  await channel.checkQueue(name('missing')).catch((error) => note('rejected', error.message));
  await closed;
  const another = await connection.createChannel();
  note('queue', await another.assertQueue(name('q')));
});

conversation('amqplib: publishing to an exchange that does not exist closes the channel', async (stage) => {
  const channel = await stage.amqplibChannel();
  const closed = new Promise<void>((resolve) => channel.on('close', resolve));
  channel.publish(stage.name('missing'), 'key', Buffer.from('x'));
  await closed;
});

conversation('amqplib: an unknown kind of exchange closes the connection', async ({ amqplib, name, note }) => {
  const connection = await amqplib();
  const channel = await connection.createChannel();
  channel.on('error', (error) => note('channel error', error.message));
  const closed = new Promise<void>((resolve) => connection.on('close', () => resolve()));
  await channel.assertExchange(name('x'), 'nosuch').catch((error) => note('rejected', error.message));
  await closed;
});

conversation('amqplib: a queue declared with other arguments is an error', async ({ amqplibChannel, name, note }) => {
  const channel = await amqplibChannel();
  const options = { messageTtl: 1000, expires: 60_000, maxLength: 10, deadLetterExchange: 'amq.direct' };
  note('queue', await channel.assertQueue(name('q'), options));
  note('again', await channel.assertQueue(name('q'), options));
  const closed = new Promise<void>((resolve) => channel.on('close', resolve));
  await channel
    .assertQueue(name('q'), { ...options, messageTtl: 2000 })
    .catch((error) => note('rejected', error.message));
  await closed;
});

conversation('amqplib: a get returns a message or false', async ({ amqplibConfirmChannel, name, note }) => {
  const channel = await amqplibConfirmChannel();
  await channel.assertQueue(name('q'));
  note('empty', await channel.get(name('q')));
  channel.sendToQueue(name('q'), Buffer.alloc(200_000, 'x'), { expiration: 60_000, priority: 4 });
  await channel.waitForConfirms();
  const message = await channel.get(name('q'));
  note('message', shown(message));
  channel.ack(message as GetMessage);
  note('empty', await channel.get(name('q')));
});

conversation('amqplib: a consumer whose queue is deleted receives null', async ({ amqplib, name, note }) => {
  const connection = await amqplib();
  const [one, two] = [await connection.createChannel(), await connection.createChannel()];
  await one.assertQueue(name('q'));
  const { take, next } = inbox();
  note('consuming', await one.consume(name('q'), take, { consumerTag: 'reader' }));
  await two.deleteQueue(name('q'));
  note('received', shown(await next()));
});

conversation(
  'amqplib: a prefetch limits deliveries, and ackAll frees it',
  async ({ amqplibConfirmChannel, name, note }) => {
    const channel = await amqplibConfirmChannel();
    await channel.assertQueue(name('q'));
    for (let n = 1; n <= 5; n += 1) channel.sendToQueue(name('q'), Buffer.from(`${n}`));
    await channel.waitForConfirms();
    await channel.prefetch(2);
    const { take, next } = inbox();
    await channel.consume(name('q'), take);
    for (let n = 0; n < 2; n += 1) note('message', (await next())?.content.toString());
    note('queue', await channel.checkQueue(name('q')));
    channel.ackAll();
    for (let n = 0; n < 2; n += 1) note('message', (await next())?.content.toString());
    channel.nackAll(false);
    note('message', (await next())?.content.toString());
  },
);

conversation('amqplib: a requeued message is redelivered and marked', async ({ amqplibConfirmChannel, name, note }) => {
  const channel = await amqplibConfirmChannel();
  await channel.assertQueue(name('q'));
  channel.sendToQueue(name('q'), Buffer.from('x'));
  await channel.waitForConfirms();
  const { take, next } = inbox();
  await channel.consume(name('q'), take, { consumerTag: 'reader' });
  const first = (await next()) as Message;
  note('first', shown(first));
  channel.nack(first);
  note('again', shown(await next()));
  await channel.recover();
  note('recovered', shown(await next()));
});

conversation('amqplib: a dead letter has its death headers', async ({ amqplibConfirmChannel, name, note, holds }) => {
  const channel = await amqplibConfirmChannel();
  await channel.assertQueue(name('dead'));
  const letters = { deadLetterExchange: '', deadLetterRoutingKey: name('dead') };
  await channel.assertQueue(name('q'), { ...letters, messageTtl: 30 });
  channel.sendToQueue(name('q'), Buffer.from('x'), { headers: { own: 1 } });
  await channel.waitForConfirms();
  await holds(name('dead'), 1);
  note('dead', shown(await channel.get(name('dead'))));
});

for (const [what, change] of [
  ['a wrong password', (url: string) => url.replace('guest:guest', 'guest:wrong')],
  ['a vhost that is not there', (url: string) => url.replace(/[^/]*$/, 'nosuch')],
] as const) {
  conversation(`amqplib: ${what} is reported when connecting`, async ({ broker, note }) => {
    await amqplib.connect(change(broker.url)).then(
      () => note('connected', true),
      (error) => note('refused', error.message),
    );
  });
}

conversation('amqplib: limits in the URL are negotiated', async ({ broker, name, note }) => {
  const connection = await amqplib.connect(`${broker.url}?frameMax=8192&channelMax=4&heartbeat=5`);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(name('q'));
  channel.sendToQueue(name('q'), Buffer.alloc(50_000, 'abc'));
  await channel.waitForConfirms();
  const message = await channel.get(name('q'), { noAck: true });
  note('whole', (message as GetMessage).content.equals(Buffer.alloc(50_000, 'abc')));
  await connection.close();
});
