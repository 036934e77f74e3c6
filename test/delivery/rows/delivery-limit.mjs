import amqplib from 'amqplib';

const CRASHES = 40;
const LIMIT = 20;

export default {
  name: 'delivery-limit',
  title: 'queues with x-delivery-limit 20 were declared beforehand, and the consumer crashes forty times',
  bites: { crashes: CRASHES, redelivered: CRASHES, 'republished before the limit': 1 },
  async run(stage) {
    const connection = await amqplib.connect(stage.url);
    const channel = await connection.createChannel();
    for (const level of ['debug', 'info', 'warning', 'error', 'critical']) {
      const name = `${stage.service}_${level}_logs`;
      await channel.assertQueue(name, { arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': LIMIT } });
    }
    await connection.close();

    // None of them lives to acknowledge, so the same messages come back each time: first without having been stored,
    // then between COMMIT and ack. The next consumer is made ready while the one before it runs.
    const atCommit = (crash) => crash >= LIMIT + 4;
    const prepare = (crash) =>
      stage.consumers.script({
        waitForGo: true,
        ...(atCommit(crash) ? { dieAtCommit: 1 } : { options: { batchLingerMs: 1000 } }),
      });
    const application = stage.application();
    await application.untilConnected();
    await application.log();
    let following = prepare(0);
    for (let crash = 0; crash < CRASHES; crash++) {
      const consumer = following;
      await consumer.until('the consumer waits', (facts) => facts.waiting);
      await consumer.go();
      following = prepare(crash + 1);
      if (!atCommit(crash)) {
        await consumer.until('it has messages in hand', ({ inHand }) => inHand > 0);
        await stage.sleep(stage.between(0, 100));
        await consumer.child.kill('SIGKILL');
      }
      const { signal } = await consumer.ended;
      if (signal !== 'SIGKILL') throw new Error(`a consumer ended by ${signal}:\n${consumer.tail()}`);
    }
    await following.child.kill('SIGKILL');
    await stage.consumers.script().ready();
    return () => ({
      crashes: CRASHES,
      redelivered: stage.broker.redelivered,
      'republished before the limit': stage.consumers.count('rounds'),
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
