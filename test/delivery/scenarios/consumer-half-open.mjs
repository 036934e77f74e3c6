export default {
  name: 'consumer-half-open',
  title: "the consumer's connections are half-open: to the broker, to PostgreSQL, and to both while it gets a SIGTERM",
  minEffects: { 'reconnects to the broker': 1, pauses: 1, 'unacknowledged at SIGTERM': 1, redelivered: 1 },
  async run(testbed) {
    const toBroker = await testbed.proxyToBroker();
    const toPostgres = await testbed.proxyToPostgres();
    const options = {
      url: toBroker.url(testbed.url),
      databaseUrl: toPostgres.url(testbed.databaseUrl),
      socketTimeoutMs: 2000,
      writeTimeoutMs: 2000,
      // The broker redelivers the messages on another connection only after it has also noticed.
      heartbeatMs: 3000,
    };
    const { consumer, application } = await testbed.begin({ consumer: { options } });
    await application.untilLogged(2000);
    const noticed = {};
    const watch = async (name, condition) => {
      const since = performance.now();
      await consumer.until(`it notices: ${name}`, condition, 60_000);
      noticed[name] = ((performance.now() - since) / 1000).toFixed(1);
    };

    const { accepted } = toBroker;
    toBroker.halfOpen();
    await watch('broker', ({ broker }) => broker.state !== 'ready');
    await toBroker.heal();
    await consumer.until('it is connected again', ({ broker }) => broker.state === 'ready', 60_000);
    const anew = toBroker.accepted - accepted;
    await application.untilLogged(application.facts.logged + 3000);

    toPostgres.halfOpen();
    await watch('PostgreSQL', ({ state }) => state === 'paused');
    await toPostgres.heal();
    await consumer.until('storage works again', ({ state }) => state === 'running', 60_000);
    await application.untilLogged(application.facts.logged + 3000);

    await consumer.until('it has unacknowledged messages', ({ inHand }) => inHand > 0);
    toBroker.halfOpen();
    toPostgres.halfOpen();
    const inHand = await testbed.unacked();
    const begun = performance.now();
    for (const fault of await testbed.consumers.stop()) testbed.fault(fault);
    const stoppedMs = Math.round(performance.now() - begun);
    await Promise.all([toBroker.heal(), toPostgres.heal()]);
    await testbed.consumers.script().ready();
    return () => ({
      'reconnects to the broker': anew,
      'after seconds': noticed.broker,
      pauses: testbed.consumers.count('pauses'),
      'after seconds too': noticed.PostgreSQL,
      'unacknowledged at SIGTERM': inHand,
      'stopped within ms': stoppedMs,
      redelivered: testbed.broker.redelivered,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
