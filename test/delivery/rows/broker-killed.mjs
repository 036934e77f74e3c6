export default {
  name: 'broker-killed',
  title: 'the broker is killed by SIGKILL with 1,000 unconfirmed records, and once under load, and started again',
  short: true,
  needs: 'restart',
  bites: { 'unconfirmed at the fault': 1000, disconnects: 2, 'messages sent again': 1 },
  async run(stage) {
    const { rabbitmq } = stage;
    const { application } = await stage.begin();
    await application.untilLogged(1000);
    await rabbitmq.sync();
    await stage.broker.read();

    // Stopped, it takes what fits into its socket and confirms nothing.
    rabbitmq.pause();
    await application.untilPending(1000);
    const unconfirmed = application.pending;
    await stage.killBroker();
    await rabbitmq.start();
    await application.until('it is connected again', ({ events }) => events.connect >= 2, 60_000);
    const logged = application.facts.logged;
    await application.untilLogged(logged + 3000);

    await stage.killBroker();
    await rabbitmq.start();
    await application.until('it is connected again', ({ events }) => events.connect >= 3, 60_000);
    return () => ({
      'unconfirmed at the fault': unconfirmed,
      disconnects: application.disconnects,
      'messages sent again': application.facts.stats.retries,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
