import amqplib from 'amqplib';

const CRASHES = 26;
const LIMITS = [3, 20];
const OUTAGES = 4;
const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'];
/** Total of all applications. */
const PER_SECOND = 2600;

export default {
  name: 'delivery-limit',
  title:
    'queues with delivery limits of 3 and 20, by argument and by policy: the consumer crashes 26 times, PostgreSQL is stopped four times',
  minEffects: {
    crashes: CRASHES,
    redelivered: CRASHES,
    'republished before the limit': 1,
    pauses: OUTAGES,
    'unacknowledged during a pause': 1,
  },
  async run(testbed) {
    const services = await declareQueues(testbed);
    const applications = services.map((service) =>
      testbed.application({ name: service, service, perSecond: PER_SECOND / services.length }),
    );
    await Promise.all(applications.map((application) => application.untilConnected()));
    await Promise.all(applications.map((application) => application.log()));

    const crashes = await crash(testbed, services);
    const consumer = testbed.consumers.script({ services });
    await consumer.ready();

    // From here on, only messages that a pause requeues are redelivered.
    await Promise.all(applications.map((application) => application.pause()));
    await testbed.eventually(async () => (await testbed.messages()) === 0, {
      what: 'the messages left by the crashes are stored',
      withinMs: 90_000,
    });
    await Promise.all(applications.map((application) => application.log()));
    const inHand = await loseStorage(testbed, consumer);
    return () => ({
      crashes,
      redelivered: testbed.broker.redelivered,
      'republished before the limit': testbed.consumers.count('rounds'),
      pauses: testbed.consumers.count('pauses'),
      'unacknowledged during a pause': inHand,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};

/** One service for each limit and each way to set it on the broker. Only arguments are visible over AMQP. */
async function declareQueues(testbed) {
  const { rabbitmq, vhost } = testbed;
  const connection = await amqplib.connect(testbed.url);
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
 * No consumer lives long enough to acknowledge, so the same messages are redelivered each time: first before they are
 * stored, then between COMMIT and ack. The next consumer is started while the previous one runs.
 *
 * @returns how many were killed with unacknowledged messages.
 */
async function crash(testbed, services) {
  const atCommit = (crash) => crash >= Math.max(...LIMITS) + 2;
  const prepare = (crash) =>
    testbed.consumers.script({
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
      await consumer.until('it has unacknowledged messages', ({ inHand }) => inHand > 0);
      await testbed.sleep(testbed.between(0, 100));
      await consumer.child.kill('SIGKILL');
    }
    const { signal } = await consumer.ended;
    if (signal !== 'SIGKILL') throw new Error(`a consumer ended by ${signal}:\n${consumer.tail()}`);
    crashes++;
  }
  await following.child.kill('SIGKILL');
  return crashes;
}

/**
 * Unacknowledged messages are kept during a pause, because each requeue counts against the limit.
 *
 * @returns the lowest number of unacknowledged messages during a pause.
 */
async function loseStorage(testbed, consumer) {
  const { postgres, broker } = testbed;
  await broker.read();
  const before = broker.redelivered;
  let least = Number.POSITIVE_INFINITY;
  for (let outage = 0; outage < OUTAGES; outage++) {
    const { stored } = consumer.status.counts;
    await consumer.until('it stores', ({ counts, inHand }) => counts.stored > stored && inHand > 0, 60_000);
    await postgres.kill('SIGKILL');
    await consumer.until('storage is paused', ({ state }) => state === 'paused');
    await testbed.sleep(testbed.between(500, 1500));
    least = Math.min(least, await testbed.unacked());
    await postgres.start();
    await consumer.until('storage works again', ({ state }) => state === 'running', 60_000);
  }
  await broker.read();
  const requeued = broker.redelivered - before;
  if (requeued > 0) testbed.fault(`${requeued} messages were requeued because storage was unavailable`);
  return least;
}
