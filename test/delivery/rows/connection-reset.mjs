const RESETS = 5;

export default {
  name: 'connection-reset',
  title: "the producer's connection is reset (RST) five times under load",
  bites: { disconnects: RESETS, 'messages sent again': 1 },
  async run(stage) {
    const proxy = await stage.proxyToBroker();
    const { application } = await stage.begin({ url: proxy.url(stage.url) });
    for (let resets = 0; resets < RESETS; resets++) {
      await stage.sleep(stage.between(100, 900));
      const { connect } = application.facts.events;
      await proxy.reset();
      await application.until('it is connected again', ({ events }) => events.connect > connect);
    }
    return () => ({
      disconnects: application.disconnects,
      'messages sent again': application.facts.stats.retries,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
