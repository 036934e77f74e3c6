const KILLS = 10;

export default {
  name: 'consumer-killed',
  title: 'the consumer (loghive consume) is killed by SIGKILL ten times under load, at random',
  short: true,
  bites: { kills: KILLS, redelivered: KILLS },
  async run(stage) {
    let consumer = stage.consumers.command();
    const application = stage.application();
    await Promise.all([consumer.ready(), application.untilConnected()]);
    await application.log();
    for (let kills = 0; kills < KILLS; kills++) {
      await stage.sleep(stage.between(50, 700));
      await consumer.child.kill('SIGKILL');
      if (kills % 3 === 0) {
        const early = stage.consumers.command();
        await stage.sleep(stage.between(100, 600));
        await early.child.kill('SIGKILL');
      }
      consumer = stage.consumers.command();
      await consumer.ready();
    }
    const early = Math.ceil(KILLS / 3);
    return () => ({ kills: KILLS, 'kills while it starts': early, redelivered: stage.broker.redelivered });
  },
};
