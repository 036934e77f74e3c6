const RESETS = 5;

export default {
  name: 'connection-reset',
  title: "the producer's connection is reset (RST) five times under load",
  minEffects: { disconnects: RESETS, 'messages republished': 1 },
  async run(testbed) {
    const proxy = await testbed.proxyToBroker();
    const { application } = await testbed.begin({ url: proxy.url(testbed.url) });
    for (let resets = 0; resets < RESETS; resets++) {
      await testbed.sleep(testbed.between(100, 900));
      const { connect } = application.facts.events;
      await proxy.reset();
      await application.until('it is connected again', ({ events }) => events.connect > connect);
    }
    return () => ({
      disconnects: application.disconnects,
      'messages republished': application.facts.stats.retries,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
