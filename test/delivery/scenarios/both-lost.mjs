const ROUNDS = 5;

export default {
  name: 'both-lost',
  title: 'PostgreSQL is killed and the connections to the broker are closed at the same time, five times',
  minEffects: { 'recoveries of PostgreSQL': ROUNDS, 'connections closed': ROUNDS, pauses: 1, redelivered: 1 },
  async run(testbed) {
    const { rabbitmq, postgres, vhost } = testbed;
    const { consumer, application } = await testbed.begin();
    const recoveries = () => testbed.postgresLogged('database system was interrupted');
    const before = recoveries();
    let closed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await application.untilLogged(application.facts.logged + testbed.between(1000, 3000));
      const { stored, pauses } = consumer.status.counts;
      await postgres.kill('SIGKILL');
      // Once, the broker connection is closed after the consumer has noticed that storage is unavailable. Otherwise
      // both happen at the same moment, and the consumer may notice the broker first.
      if (round === 0) await consumer.until('it pauses', ({ counts }) => counts.pauses > pauses);
      // Repeatedly, so that one close hits the moment when the consumer requeues its messages.
      const until = performance.now() + testbed.between(300, 1500);
      while (performance.now() < until && consumer.status.counts.pauses === pauses) {
        closed += await rabbitmq.closeConnections({ vhost });
        await testbed.sleep(testbed.between(0, 200));
      }
      closed += await rabbitmq.closeConnections({ vhost });
      await postgres.start();
      await consumer.until('it stores again', ({ counts }) => counts.stored > stored, 60_000);
    }
    return () => ({
      'recoveries of PostgreSQL': recoveries() - before,
      'connections closed': closed,
      pauses: testbed.consumers.count('pauses'),
      redelivered: testbed.broker.redelivered,
      'messages republished': application.facts.stats.retries,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
