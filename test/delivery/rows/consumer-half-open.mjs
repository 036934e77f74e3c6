export default {
  name: 'consumer-half-open',
  title: "the consumer's connections are half-open: to the broker, to PostgreSQL, and to both while it gets a SIGTERM",
  bites: { 'connections to the broker anew': 1, pauses: 1, 'in hand at SIGTERM': 1, redelivered: 1 },
  async run(stage) {
    const toBroker = await stage.proxyToBroker();
    const toPostgres = await stage.proxyToPostgres();
    const options = {
      url: toBroker.url(stage.url),
      databaseUrl: toPostgres.url(stage.databaseUrl),
      socketTimeoutMs: 2000,
      writeTimeoutMs: 2000,
      // The broker gives the messages to another connection only when it has noticed as well.
      heartbeatMs: 3000,
    };
    const { consumer, application } = await stage.begin({ consumer: { options } });
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

    await consumer.until('it has messages in hand', ({ inHand }) => inHand > 0);
    toBroker.halfOpen();
    toPostgres.halfOpen();
    const inHand = await stage.unacked();
    const begun = performance.now();
    for (const fault of await stage.consumers.stop()) stage.fault(fault);
    const stoppedMs = Math.round(performance.now() - begun);
    await Promise.all([toBroker.heal(), toPostgres.heal()]);
    await stage.consumers.script().ready();
    return () => ({
      'connections to the broker anew': anew,
      'after seconds': noticed.broker,
      pauses: stage.consumers.count('pauses'),
      'after seconds too': noticed.PostgreSQL,
      'in hand at SIGTERM': inHand,
      'stopped within ms': stoppedMs,
      redelivered: stage.broker.redelivered,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
