import { type AsyncMessage, Connection, ConsumerStatus } from 'rabbitmq-client';
import { useBothBrokers } from './conversation.js';
import { describeError } from './stage.js';

const { conversation } = useBothBrokers();

/** The parts of this client's message that a transcript shows. */
function shown({ body, ...rest }: AsyncMessage): unknown {
  return { body: Buffer.isBuffer(body) ? body.toString() : body, ...rest };
}

/** Resolves with `count` items. */
function collect<T>(count: number) {
  const found: T[] = [];
  let done: (all: T[]) => void;
  const all = new Promise<T[]>((resolve) => {
    done = resolve;
  });
  return {
    all,
    add: (each: T) => {
      found.push(each);
      if (found.length === count) done(found);
    },
  };
}

conversation('rabbitmq-client: a consumer gets what is published with confirms', async (stage) => {
  const { name, note } = stage;
  const rabbit = await stage.rabbitmqClient();
  const publisher = rabbit.createPublisher({
    confirm: true,
    exchanges: [{ exchange: name('x'), type: 'direct', durable: true }],
    queues: [{ queue: name('q'), durable: true }],
    queueBindings: [{ queue: name('q'), exchange: name('x'), routingKey: 'key' }],
  });
  await publisher.send(
    { exchange: name('x'), routingKey: 'key', durable: true, messageId: 'a' },
    { json: [1, 'zwei'] },
  );
  await publisher.send({ exchange: name('x'), routingKey: 'key', headers: { n: 5, deep: { x: true } } }, 'text');
  const { all, add } = collect<AsyncMessage>(2);
  const consumer = rabbit.createConsumer(
    { queue: name('q'), consumerTag: 'reader', qos: { prefetchCount: 1 }, queueOptions: { passive: true } },
    add,
  );
  for (const message of await all) note('message', shown(message));
  await consumer.close();
  await publisher.close();
  note('queue', await rabbit.queueDeclare({ queue: name('q'), passive: true }));
});

conversation('rabbitmq-client: requeue redelivers a message, drop dead-letters it', async (stage) => {
  const { name, note } = stage;
  const rabbit = await stage.rabbitmqClient();
  await rabbit.queueDeclare({ queue: name('dead') });
  const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name('dead') };
  const queueOptions = {
    queue: name('q'),
    durable: true,
    arguments: { 'x-queue-type': 'quorum' as const, ...letters },
  };
  const { all, add } = collect<AsyncMessage>(3);
  const consumer = rabbit.createConsumer({ queue: name('q'), consumerTag: 'reader', queueOptions }, (message) => {
    add(message);
    return Number(message.deliveryTag) < 3 ? ConsumerStatus.REQUEUE : ConsumerStatus.DROP;
  });
  const publisher = rabbit.createPublisher({ confirm: true });
  await new Promise<void>((resolve) => consumer.on('ready', resolve));
  await publisher.send(name('q'), 'job');
  for (const message of await all) note('message', shown(message));
  await stage.holds(name('dead'), 1);
  const dead = await rabbit.basicGet({ queue: name('dead') });
  note('dead', [dead?.body, dead?.headers?.['x-death']?.[0]?.reason, dead?.headers?.['x-death']?.[0]?.count]);
  await consumer.close();
  await publisher.close();
});

conversation('rabbitmq-client: a full queue’s nack rejects the send', async ({ rabbitmqClient, name, note }) => {
  const rabbit = await rabbitmqClient();
  await rabbit.queueDeclare({ queue: name('q'), arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
  const publisher = rabbit.createPublisher({ confirm: true, maxAttempts: 1 });
  for (let n = 0; n < 2; n += 1) {
    await publisher.send(name('q'), 'x').then(
      () => note('sent', true),
      (error) => note('refused', describeError(error)),
    );
  }
  await publisher.close();
});

conversation('rabbitmq-client: an unroutable mandatory message is returned', async ({ rabbitmqClient, name, note }) => {
  const rabbit = await rabbitmqClient();
  const publisher = rabbit.createPublisher({ confirm: true });
  publisher.on('basic.return', ({ replyCode, replyText, exchange, routingKey, body }) =>
    note('returned', [replyCode, replyText, exchange, routingKey, body]),
  );
  await publisher.send({ routingKey: name('nobody'), mandatory: true }, 'back');
  note('then', 'confirmed');
  await publisher.close();
});

conversation('rabbitmq-client: an exchange that does not exist rejects the send', async (stage) => {
  const rabbit = await stage.rabbitmqClient();
  const publisher = rabbit.createPublisher({ confirm: true, maxAttempts: 1 });
  await publisher
    .send({ exchange: stage.name('missing'), routingKey: 'key' }, 'x')
    .catch((error) => stage.note('refused', describeError(error)));
  await publisher.close();
});

conversation('rabbitmq-client: every kind of error has its code', async ({ rabbitmqClient, name, note }) => {
  const rabbit = await rabbitmqClient();
  const attempts: Array<[string, () => Promise<unknown>]> = [
    ['passive', () => rabbit.queueDeclare({ queue: name('missing'), passive: true })],
    ['reserved', () => rabbit.queueDeclare({ queue: 'amq.own' })],
    ['invalid', () => rabbit.queueDeclare({ queue: name('q'), arguments: { 'x-message-ttl': -1 } })],
    ['default exchange', () => rabbit.exchangeDeclare({ exchange: '', type: 'direct' })],
    ['get', () => rabbit.basicGet({ queue: name('missing') })],
    ['bind', () => rabbit.queueBind({ queue: name('missing'), exchange: 'amq.direct', routingKey: 'k' })],
  ];
  for (const [what, attempt] of attempts) {
    await attempt().then(
      () => note(what, 'no error'),
      (error) => note(what, describeError(error)),
    );
  }
});

conversation(
  'rabbitmq-client: topology is created, used and removed',
  async ({ rabbitmqClient, name, note, holds }) => {
    const rabbit = await rabbitmqClient();
    await rabbit.exchangeDeclare({ exchange: name('x'), type: 'direct', autoDelete: true });
    note('queue', await rabbit.queueDeclare({ queue: name('q') }));
    await rabbit.queueBind({ queue: name('q'), exchange: name('x'), routingKey: 'k' });
    const channel = await rabbit.acquire();
    await channel.basicPublish({ exchange: name('x'), routingKey: 'k', expiration: '60000' }, Buffer.from('raw'));
    await holds(name('q'), 1);
    const message = await rabbit.basicGet({ queue: name('q'), noAck: true });
    note('message', message && { ...message, body: message.body.toString() });
    note('nothing', await rabbit.basicGet({ queue: name('q') }));
    note('purged', await rabbit.queuePurge({ queue: name('q') }));
    await rabbit.queueUnbind({ queue: name('q'), exchange: name('x'), routingKey: 'k' });
    await rabbit.exchangeDelete({ exchange: name('x') });
    note('deleted', await rabbit.queueDelete({ queue: name('q') }));
    await channel.close();
  },
);

conversation('rabbitmq-client: a reply goes to the queue named in the request', async (stage) => {
  const { name, note } = stage;
  const rabbit = await stage.rabbitmqClient();
  const server = rabbit.createConsumer(
    { queue: name('questions'), queueOptions: { queue: name('questions'), autoDelete: true } },
    async (question, reply) => reply(`${question.body}, yes`),
  );
  await new Promise<void>((resolve) => server.on('ready', resolve));
  const { all, add } = collect<AsyncMessage>(1);
  const client = rabbit.createConsumer(
    { queue: name('answers'), noAck: true, queueOptions: { queue: name('answers'), exclusive: true } },
    add,
  );
  await new Promise<void>((resolve) => client.on('ready', resolve));
  const publisher = rabbit.createPublisher({ confirm: true });
  await publisher.send({ routingKey: name('questions'), replyTo: name('answers'), correlationId: '7' }, 'ready?');
  const [answer] = await all;
  note('answer', [answer?.body, answer?.correlationId, answer?.routingKey]);
  for (const each of [server, client, publisher]) await each.close();
});

conversation('rabbitmq-client: a consumer learns that its queue was deleted, and redeclares it', async (stage) => {
  const { name, note } = stage;
  const rabbit = await stage.rabbitmqClient();
  const consumer = rabbit.createConsumer({ queue: name('q'), queueOptions: { queue: name('q') } }, () => {});
  await new Promise<void>((resolve) => consumer.once('ready', resolve));
  const cancelled = new Promise((resolve) => consumer.once('error', resolve));
  const again = new Promise<void>((resolve) => consumer.on('ready', resolve));
  await rabbit.queueDelete({ queue: name('q') });
  note('error', describeError(await cancelled));
  await again;
  note('queue', await rabbit.queueDeclare({ queue: name('q'), passive: true }));
  await consumer.close();
});

conversation('rabbitmq-client: two hundred sends at once are all confirmed', async ({ rabbitmqClient, name, note }) => {
  const rabbit = await rabbitmqClient();
  await rabbit.queueDeclare({ queue: name('q'), durable: true });
  const publisher = rabbit.createPublisher({ confirm: true });
  const sends = Array.from({ length: 200 }, (_, n) => publisher.send({ routingKey: name('q'), durable: true }, `${n}`));
  await Promise.all(sends);
  note('queue', await rabbit.queueDeclare({ queue: name('q'), passive: true }));
  await publisher.close();
});

conversation('rabbitmq-client: a wrong password is reported', async ({ broker, note }) => {
  const rabbit = new Connection({ url: broker.url.replace('guest:guest', 'guest:wrong'), retryLow: 60_000 });
  note('error', describeError(await new Promise((resolve) => rabbit.once('error', resolve))));
  rabbit.unsafeDestroy();
});
