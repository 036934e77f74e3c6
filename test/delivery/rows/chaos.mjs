const FOR_MS = 14_000;

export default {
  name: 'chaos',
  title: 'several faults at once: two consumers killed, connections reset and closed, both servers killed',
  needs: 'restart',
  bites: {
    'consumers killed': 3,
    // While the broker is down, and until the producer's backoff is over, there is none to be reset.
    'connections reset': 1,
    'connections closed': 1,
    'PostgreSQL killed': 1,
    'sessions ended': 2,
    'broker killed': 1,
    redelivered: 1,
    'dropped by key': 1,
  },
  async run(stage) {
    const { rabbitmq, postgres, random } = stage;
    const proxy = await stage.proxyToBroker();
    const pair = [stage.consumers.script(), stage.consumers.script()];
    const application = stage.application({ url: proxy.url(stage.url) });
    await Promise.all([...pair.map((consumer) => consumer.ready()), application.untilConnected()]);
    await application.log();
    await application.untilLogged(1000);
    await rabbitmq.sync();

    const bite = {};
    const count = (what, number = 1) => {
      bite[what] = (bite[what] ?? 0) + number;
    };
    const until = performance.now() + FOR_MS;
    const again = async (lowMs, highMs, work) => {
      for (;;) {
        await stage.sleep(lowMs + random() * (highMs - lowMs));
        if (performance.now() > until) return;
        await work();
      }
    };
    await Promise.all([
      again(300, 1800, async () => {
        const index = stage.between(0, pair.length);
        await pair[index].child.kill('SIGKILL');
        pair[index] = stage.consumers.script();
        count('consumers killed');
      }),
      again(500, 2500, async () => {
        if (proxy.connections > 0) count('connections reset');
        await proxy.reset();
      }),
      again(1000, 4000, async () => {
        // The broker may be away itself at this moment.
        count('connections closed', await rabbitmq.closeConnections({ vhost: stage.vhost }).catch(() => 0));
      }),
      again(3000, 6000, async () => {
        await postgres.kill('SIGKILL');
        await postgres.start();
        count('PostgreSQL killed');
      }),
      again(200, 1500, async () => {
        const ended = await postgres
          .query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [stage.database])
          .catch(() => []);
        count('sessions ended', ended.length);
      }),
      again(4000, 8000, async () => {
        await stage.broker.read();
        await stage.killBroker();
        await rabbitmq.start();
        count('broker killed');
      }),
    ]);
    return () => ({
      ...bite,
      redelivered: stage.broker.redelivered,
      'messages sent again': application.facts.stats.retries,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
