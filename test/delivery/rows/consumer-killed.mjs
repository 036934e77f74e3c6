const KILLS = 10;

export default {
  name: 'consumer-killed',
  title: 'the consumer (loghive consume) is killed by SIGKILL ten times under load, at random',
  short: true,
  bites: { kills: KILLS, 'of them while it starts': 3, redelivered: KILLS },
  async run(stage) {
    let consumer = stage.consumers.command();
    const application = stage.application();
    await Promise.all([consumer.ready(), application.untilConnected()]);
    await application.log();
    let kills = 0;
    let early = 0;
    const kill = async ({ child }) => {
      const isReady = child.lines.some((line) => /consuming messages of/.test(line));
      const { signal } = await child.kill('SIGKILL');
      if (signal !== 'SIGKILL') throw new Error(`a consumer ended by ${signal}`);
      kills++;
      if (!isReady) early++;
    };
    for (let round = 0; round < KILLS; round++) {
      await stage.sleep(stage.between(50, 700));
      await kill(consumer);
      if (round % 3 === 0) {
        const next = stage.consumers.command();
        await stage.sleep(stage.between(100, 600));
        await kill(next);
      }
      consumer = stage.consumers.command();
      await consumer.ready();
    }
    return () => ({ kills, 'of them while it starts': early, redelivered: stage.broker.redelivered });
  },
};
