const KILLS = 10;

export default {
  name: 'killed-after-commit',
  title: 'the consumer is killed by SIGKILL between COMMIT and ack, ten times under load',
  short: true,
  bites: { kills: KILLS, redelivered: KILLS, 'dropped by key': KILLS },
  async run(stage) {
    const next = () => stage.consumers.script({ dieAtCommit: stage.between(2, 6), waitForGo: true });
    let consumer = next();
    const application = stage.application();
    await application.untilConnected();
    await application.log();
    let kills = 0;
    while (kills < KILLS) {
      await consumer.until('the consumer waits', (facts) => facts.waiting);
      await consumer.go();
      const following = next();
      const { signal } = await consumer.ended;
      if (signal !== 'SIGKILL' || !consumer.status.dying) throw new Error(`a consumer ended by ${signal}`);
      kills++;
      consumer = following;
    }
    // The next one is ready to die like the others, so it never gets its go.
    await consumer.child.kill('SIGKILL');
    await stage.consumers.script().ready();
    return () => ({
      kills,
      redelivered: stage.broker.redelivered,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
