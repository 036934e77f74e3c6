import pg from 'pg';

const LOCKED_MS = 4000;

export default {
  name: 'table-locked',
  title: 'another session holds the table in an exclusive lock for longer than a statement may take (57014, 55P03)',
  bites: { 'cancelled statements': 2, pauses: 1 },
  async run(stage) {
    const { consumer, application } = await stage.begin({ consumer: { options: { writeTimeoutMs: 2000 } } });
    await application.untilLogged(2000);
    // A batch waits for as long as a statement may take, a probe less long.
    const cancelled = () =>
      stage.postgresLogged('canceling statement due to statement timeout') +
      stage.postgresLogged('canceling statement due to lock timeout');
    const before = cancelled();
    const client = new pg.Client({ connectionString: stage.databaseUrl });
    await client.connect();
    try {
      await client.query('begin; lock table logs.records in access exclusive mode');
      await consumer.until('storage is paused', ({ state }) => state === 'paused');
      await stage.sleep(LOCKED_MS);
    } finally {
      await client.end();
    }
    await consumer.until('storage works again', ({ state }) => state === 'running', 60_000);
    return () => ({
      'cancelled statements': cancelled() - before,
      pauses: stage.consumers.count('pauses'),
      redelivered: stage.broker.redelivered,
    });
  },
};
