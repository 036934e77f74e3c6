export default {
  name: 'broker-killed',
  title: 'the broker is killed (SIGKILL) with 1,000 unconfirmed records, and once under load, and restarted',
  short: true,
  needs: 'restart',
  minEffects: { 'unconfirmed at the fault': 1000, disconnects: 2, 'messages republished': 1 },
  async run(testbed) {
    const { rabbitmq } = testbed;
    const { application } = await testbed.begin();
    await application.untilLogged(1000);
    await rabbitmq.sync();
    await testbed.broker.read();

    // A stopped broker still receives what fits into its socket buffers, but confirms nothing.
    rabbitmq.pause();
    await application.untilPending(1000);
    const unconfirmed = application.pending;
    await testbed.killBroker();
    await rabbitmq.start();
    await application.until('it is connected again', ({ events }) => events.connect >= 2, 60_000);
    const logged = application.facts.logged;
    await application.untilLogged(logged + 3000);

    await testbed.killBroker();
    await rabbitmq.start();
    await application.until('it is connected again', ({ events }) => events.connect >= 3, 60_000);
    return () => ({
      'unconfirmed at the fault': unconfirmed,
      disconnects: application.disconnects,
      'messages republished': application.facts.stats.retries,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
