const KILLS = 10;

export default {
  name: 'consumer-killed',
  title: 'the consumer (loghive consume) is killed (SIGKILL) ten times under load, at random',
  short: true,
  minEffects: { kills: KILLS, 'of them during startup': 3, redelivered: KILLS },
  async run(testbed) {
    let consumer = testbed.consumers.command();
    const application = testbed.application();
    await Promise.all([consumer.ready(), application.untilConnected()]);
    await application.log();
    let kills = 0;
    let early = 0;
    const kill = async ({ child }) => {
      const isReady = child.lines.some((line) => /taking messages of/.test(line));
      const { signal } = await child.kill('SIGKILL');
      if (signal !== 'SIGKILL') throw new Error(`a consumer ended by ${signal}`);
      kills++;
      if (!isReady) early++;
    };
    for (let round = 0; round < KILLS; round++) {
      await testbed.sleep(testbed.between(50, 700));
      await kill(consumer);
      if (round % 3 === 0) {
        const next = testbed.consumers.command();
        await testbed.sleep(testbed.between(100, 600));
        await kill(next);
      }
      consumer = testbed.consumers.command();
      await consumer.ready();
    }
    return () => ({ kills, 'of them during startup': early, redelivered: testbed.broker.redelivered });
  },
};
