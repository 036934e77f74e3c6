const ROUNDS = 5;

export default {
  name: 'both-lost',
  title: 'PostgreSQL is killed, and in the same moments the connections to the broker are closed, five times',
  bites: { 'recoveries of PostgreSQL': ROUNDS, 'connections closed': ROUNDS, pauses: 1, redelivered: 1 },
  async run(stage) {
    const { rabbitmq, postgres, vhost } = stage;
    const { consumer, application } = await stage.begin();
    const recoveries = () => stage.postgresLogged('database system was interrupted');
    const before = recoveries();
    let closed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await application.untilLogged(application.facts.logged + stage.between(1000, 3000));
      const { stored, pauses } = consumer.status.counts;
      await postgres.kill('SIGKILL');
      // Once the broker goes when the consumer has noticed already that storage is away; else both go in one moment, and
      // the consumer may learn of the broker first.
      if (round === 0) await consumer.until('it pauses', ({ counts }) => counts.pauses > pauses);
      // Over and over, so that one falls into the moment in which the consumer gives its messages back.
      const until = performance.now() + stage.between(300, 1500);
      while (performance.now() < until && consumer.status.counts.pauses === pauses) {
        closed += await rabbitmq.closeConnections({ vhost });
        await stage.sleep(stage.between(0, 200));
      }
      closed += await rabbitmq.closeConnections({ vhost });
      await postgres.start();
      await consumer.until('it stores again', ({ counts }) => counts.stored > stored, 60_000);
    }
    return () => ({
      'recoveries of PostgreSQL': recoveries() - before,
      'connections closed': closed,
      pauses: stage.consumers.count('pauses'),
      redelivered: stage.broker.redelivered,
      'messages sent again': application.facts.stats.retries,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
