const KILLS = 10;

export default {
  name: 'killed-after-commit',
  title: 'the consumer is killed (SIGKILL) between COMMIT and ack, ten times under load',
  short: true,
  minEffects: { kills: KILLS, redelivered: KILLS, 'duplicates dropped': KILLS },
  async run(testbed) {
    const next = () => testbed.consumers.script({ dieAtCommit: testbed.between(2, 6), waitForGo: true });
    let consumer = next();
    const application = testbed.application();
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
    // The next one would also exit at a commit, so it is never started.
    await consumer.child.kill('SIGKILL');
    await testbed.consumers.script().ready();
    return () => ({
      kills,
      redelivered: testbed.broker.redelivered,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
