export default {
  name: 'postgres-killed',
  title: 'PostgreSQL is killed by SIGKILL and started again, twice, and once one of its processes crashes',
  short: true,
  bites: { 'recoveries of PostgreSQL': 3, 'sessions that crashed': 1, pauses: 2 },
  async run(stage) {
    const { postgres } = stage;
    const { consumer, application } = await stage.begin();
    const afterAWhile = () => application.untilLogged(application.facts.logged + stage.between(1500, 3000));
    const recoveries = () => stage.postgresLogged('database system was interrupted');
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
    const pids = await stage.query(`select pid from pg_stat_activity where application_name = 'loghive'`);
    for (const { pid } of pids) process.kill(pid, 'SIGKILL');
    await stage.eventually(() => stage.query('select 1'), { what: 'PostgreSQL has recovered', withinMs: 60_000 });
    return () => ({
      'recoveries of PostgreSQL': recoveries() - before,
      'sessions that crashed': pids.length,
      pauses: stage.consumers.count('pauses'),
      redelivered: stage.broker.redelivered,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
