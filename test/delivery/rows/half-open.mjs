export default {
  name: 'half-open',
  title:
    "the producer's connection is half-open: nothing comes through and nothing says so; healed after it was noticed",
  bites: { noticed: 1, 'attempts that hung': 1, 'waiting when healed': 3000, 'messages sent again': 1 },
  async run(stage) {
    const proxy = await stage.proxyToBroker();
    const url = proxy.url(stage.url);
    const { application } = await stage.begin({ url, transport: { socketTimeoutMs: 2000 } });
    await application.untilLogged(2000);
    proxy.halfOpen();
    const since = performance.now();
    await application.until('it notices by itself', ({ events }) => events.disconnect > 0, 60_000);
    const noticedS = ((performance.now() - since) / 1000).toFixed(1);
    // New connections are taken and stay silent as well.
    const { accepted } = proxy;
    await stage.eventually(() => proxy.accepted > accepted, { what: 'it tries again', withinMs: 60_000 });
    await application.until('that attempt fails', ({ status }) => status.connection.state === 'waiting', 60_000);
    const { pending } = application;
    await proxy.heal();
    await application.until('it is connected again', ({ events }) => events.connect >= 2, 60_000);
    return () => ({
      noticed: application.disconnects,
      'after seconds': noticedS,
      'attempts that hung': proxy.accepted - accepted,
      'waiting when healed': pending,
      'messages sent again': application.facts.stats.retries,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
