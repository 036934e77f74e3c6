import amqplib from 'amqplib';

const CRASHES = 26;
const LIMITS = [3, 20];
const OUTAGES = 4;
const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'];
/** Of all applications together. */
const PER_SECOND = 2600;

export default {
  name: 'delivery-limit',
  title:
    'queues with delivery limits of 3 and 20, by argument and by policy: the consumer crashes 26 times, PostgreSQL goes away four times',
  bites: {
    crashes: CRASHES,
    redelivered: CRASHES,
    'published anew before the limit': 1,
    pauses: OUTAGES,
    'in hand in a pause': 1,
  },
  async run(stage) {
    const services = await declareQueues(stage);
    const applications = services.map((service) =>
      stage.application({ name: service, service, perSecond: PER_SECOND / services.length }),
    );
    await Promise.all(applications.map((application) => application.untilConnected()));
    await Promise.all(applications.map((application) => application.log()));

    const crashes = await crash(stage, services);
    const consumer = stage.consumers.script({ services });
    await consumer.ready();

    // From here on nothing is redelivered but what a pause gives back.
    await Promise.all(applications.map((application) => application.pause()));
    await stage.eventually(async () => (await stage.messages()) === 0, {
      what: 'what the crashes left is stored',
      withinMs: 90_000,
    });
    await Promise.all(applications.map((application) => application.log()));
    const inHand = await loseStorage(stage, consumer);
    return () => ({
      crashes,
      redelivered: stage.broker.redelivered,
      'published anew before the limit': stage.consumers.count('rounds'),
      pauses: stage.consumers.count('pauses'),
      'in hand in a pause': inHand,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};

/** One service for each limit, and each way to set it that the broker has. AMQP shows the arguments only. */
async function declareQueues(stage) {
  const { rabbitmq, vhost } = stage;
  const connection = await amqplib.connect(stage.url);
  const channel = await connection.createChannel();
  const services = [];
  const declare = async (service, limit) => {
    services.push(service);
    for (const level of LEVELS) {
      await channel.assertQueue(`${service}_${level}_logs`, { arguments: { 'x-queue-type': 'quorum', ...limit } });
    }
  };
  for (const limit of LIMITS) {
    await declare(`argument-${limit}`, { 'x-delivery-limit': limit });
    if (rabbitmq.setPolicy === undefined) continue;
    await rabbitmq.setPolicy(`limit-${limit}`, `^policy-${limit}_`, { 'delivery-limit': limit }, { vhost });
    await declare(`policy-${limit}`, {});
  }
  await connection.close();
  return services;
}

/**
 * None of the consumers lives to acknowledge, so the same messages come back each time: first without having been stored,
 * then between COMMIT and ack. The next one is made ready while the one before it runs.
 *
 * @returns how many were killed with messages in hand.
 */
async function crash(stage, services) {
  const atCommit = (crash) => crash >= Math.max(...LIMITS) + 2;
  const prepare = (crash) =>
    stage.consumers.script({
      services,
      waitForGo: true,
      ...(atCommit(crash) ? { dieAtCommit: 1 } : { options: { batchLingerMs: 1000 } }),
    });
  let crashes = 0;
  let following = prepare(0);
  while (crashes < CRASHES) {
    const consumer = following;
    await consumer.until('the consumer waits', (facts) => facts.waiting);
    await consumer.go();
    following = prepare(crashes + 1);
    if (!atCommit(crashes)) {
      await consumer.until('it has messages in hand', ({ inHand }) => inHand > 0);
      await stage.sleep(stage.between(0, 100));
      await consumer.child.kill('SIGKILL');
    }
    const { signal } = await consumer.ended;
    if (signal !== 'SIGKILL') throw new Error(`a consumer ended by ${signal}:\n${consumer.tail()}`);
    crashes++;
  }
  await following.child.kill('SIGKILL');
  return crashes;
}

/** What is in hand stays there, because each return would count. @returns the least that was in hand in a pause. */
async function loseStorage(stage, consumer) {
  const { postgres, broker } = stage;
  await broker.read();
  const before = broker.redelivered;
  let least = Number.POSITIVE_INFINITY;
  for (let outage = 0; outage < OUTAGES; outage++) {
    const { stored } = consumer.status.counts;
    await consumer.until('it stores', ({ counts, inHand }) => counts.stored > stored && inHand > 0, 60_000);
    await postgres.kill('SIGKILL');
    await consumer.until('storage is paused', ({ state }) => state === 'paused');
    await stage.sleep(stage.between(500, 1500));
    least = Math.min(least, await stage.unacked());
    await postgres.start();
    await consumer.until('storage works again', ({ state }) => state === 'running', 60_000);
  }
  await broker.read();
  const givenBack = broker.redelivered - before;
  if (givenBack > 0) stage.fault(`${givenBack} messages were given back because storage was away`);
  return least;
}
