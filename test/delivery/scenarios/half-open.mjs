export default {
  name: 'half-open',
  title:
    "the producer's connection is half-open: no data passes and it is not closed; restored after the producer has noticed",
  minEffects: {
    noticed: 1,
    'attempts that hung': 1,
    'pending when restored': 3000,
    'of them on disk': 1,
    'messages republished': 1,
  },
  async run(testbed) {
    const proxy = await testbed.proxyToBroker();
    const url = proxy.url(testbed.url);
    const { application } = await testbed.begin({ url, options: { socketTimeoutMs: 2000 } });
    await application.untilLogged(2000);
    proxy.halfOpen();
    const since = performance.now();
    await application.until('it notices', ({ events }) => events.disconnect > 0, 60_000);
    const noticedS = ((performance.now() - since) / 1000).toFixed(1);
    // New connections are accepted but also receive no data.
    const { accepted } = proxy;
    await testbed.eventually(() => proxy.accepted > accepted, { what: 'it retries', withinMs: 60_000 });
    await application.until('that attempt fails', ({ status }) => status.connection.state === 'waiting', 60_000);
    const { pending, onDisk } = application;
    await proxy.heal();
    await application.until('it is connected again', ({ events }) => events.connect >= 2, 60_000);
    return () => ({
      noticed: application.disconnects,
      'after seconds': noticedS,
      'attempts that hung': proxy.accepted - accepted,
      'pending when restored': pending,
      'of them on disk': onDisk,
      'messages republished': application.facts.stats.retries,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
