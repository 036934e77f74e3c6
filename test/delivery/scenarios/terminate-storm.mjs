const BURSTS = 12;
const BURST_MS = 150;
const MIN_TERMINATED = 20;
const MIN_ACTIVE = 5;

export default {
  name: 'terminate-storm',
  title: 'pg_terminate_backend ends sessions of the consumer in bursts, while idle and in the middle of a statement',
  minEffects: { terminated: MIN_TERMINATED, 'in the middle of a statement': MIN_ACTIVE, pauses: 2 },
  async run(testbed) {
    const { consumer, application } = await testbed.begin();
    await application.untilLogged(1000);
    const states = [];
    const terminate = async (which) => {
      const rows = await testbed.postgres.query(
        `select state, pg_terminate_backend(pid) from pg_stat_activity
         where datname = $1 and application_name = 'loghive' and ${which}`,
        [testbed.database],
      );
      states.push(...rows.map(({ state }) => state));
    };
    const active = () => states.filter((state) => state === 'active').length;
    const enough = () =>
      states.length >= MIN_TERMINATED && active() >= MIN_ACTIVE && consumer.status.counts.pauses >= 2;
    for (let burst = 0; burst < BURSTS || !enough(); burst++) {
      await testbed.sleep(testbed.between(5, 250));
      await terminate('true');
      // In every other burst, a new session may be terminated before its first statement.
      const which = burst % 2 === 0 ? 'true' : `state = 'active'`;
      const until = performance.now() + BURST_MS;
      while (performance.now() < until) await terminate(which);
    }
    return () => ({
      terminated: states.length,
      'in the middle of a statement': active(),
      pauses: testbed.consumers.count('pauses'),
      redelivered: testbed.broker.redelivered,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
