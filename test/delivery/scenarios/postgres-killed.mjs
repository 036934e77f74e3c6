export default {
  name: 'postgres-killed',
  title: 'PostgreSQL is killed (SIGKILL) and restarted twice, and one of its processes crashes once',
  short: true,
  minEffects: { 'recoveries of PostgreSQL': 3, 'sessions that crashed': 1, pauses: 2 },
  async run(testbed) {
    const { postgres } = testbed;
    const { consumer, application } = await testbed.begin();
    const afterAWhile = () => application.untilLogged(application.facts.logged + testbed.between(1500, 3000));
    const recoveries = () => testbed.postgresLogged('database system was interrupted');
    const before = recoveries();
    const storing = (what) => consumer.until(what, ({ state }) => state === 'running', 60_000);
    for (let kills = 0; kills < 2; kills++) {
      await afterAWhile();
      await postgres.kill('SIGKILL');
      await consumer.until('storage is paused', ({ state }) => state === 'paused');
      await postgres.start();
      await storing('storage works again');
    }
    await afterAWhile();
    const pids = await testbed.query(`select pid from pg_stat_activity where application_name = 'loghive'`);
    for (const { pid } of pids) process.kill(pid, 'SIGKILL');
    await testbed.eventually(() => testbed.query('select 1'), { what: 'PostgreSQL has recovered', withinMs: 60_000 });
    return () => ({
      'recoveries of PostgreSQL': recoveries() - before,
      'sessions that crashed': pids.length,
      pauses: testbed.consumers.count('pauses'),
      redelivered: testbed.broker.redelivered,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
