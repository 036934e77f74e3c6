const FOR_MS = 14_000;

export default {
  name: 'chaos',
  title: 'several faults at once: two consumers killed, connections reset and closed, both servers killed',
  needs: 'restart',
  minEffects: {
    'consumers killed': 3,
    // While the broker is down and the producer waits for its backoff, there is no connection to reset.
    'connections reset': 1,
    'connections closed': 1,
    'PostgreSQL killed': 1,
    'sessions ended': 2,
    'broker killed': 1,
    // Whether one falls between COMMIT and acknowledgement is left to chance: killed-after-commit makes sure of that.
    redelivered: 1,
  },
  async run(testbed) {
    const { rabbitmq, postgres, random } = testbed;
    const proxy = await testbed.proxyToBroker();
    const pair = [testbed.consumers.script(), testbed.consumers.script()];
    const application = testbed.application({ url: proxy.url(testbed.url) });
    await Promise.all([...pair.map((consumer) => consumer.ready()), application.untilConnected()]);
    await application.log();
    await application.untilLogged(1000);
    await rabbitmq.sync();

    const effects = {};
    const count = (what, number = 1) => {
      effects[what] = (effects[what] ?? 0) + number;
    };
    const until = performance.now() + FOR_MS;
    const again = async (lowMs, highMs, work) => {
      for (;;) {
        await testbed.sleep(lowMs + random() * (highMs - lowMs));
        if (performance.now() > until) return;
        await work();
      }
    };
    await Promise.all([
      again(300, 1800, async () => {
        const index = testbed.between(0, pair.length);
        await pair[index].child.kill('SIGKILL');
        pair[index] = testbed.consumers.script();
        count('consumers killed');
      }),
      again(500, 2500, async () => {
        if (proxy.connections > 0) count('connections reset');
        await proxy.reset();
      }),
      again(1000, 4000, async () => {
        // The broker itself may be down at this moment.
        count('connections closed', await rabbitmq.closeConnections({ vhost: testbed.vhost }).catch(() => 0));
      }),
      again(3000, 6000, async () => {
        await postgres.kill('SIGKILL');
        await postgres.start();
        count('PostgreSQL killed');
      }),
      again(200, 1500, async () => {
        const ended = await postgres
          .query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [testbed.database])
          .catch(() => []);
        count('sessions ended', ended.length);
      }),
      again(4000, 8000, async () => {
        await testbed.broker.read();
        await testbed.killBroker();
        await rabbitmq.start();
        count('broker killed');
      }),
    ]);
    return () => ({
      ...effects,
      redelivered: testbed.broker.redelivered,
      'messages republished': application.facts.stats.retries,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
