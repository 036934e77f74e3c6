import pg from 'pg';

const LOCKED_MS = 4000;

export default {
  name: 'table-locked',
  title: 'another session holds an exclusive lock on the table for longer than the statement timeout (57014, 55P03)',
  minEffects: { 'cancelled statements': 2, pauses: 1 },
  async run(testbed) {
    const { consumer, application } = await testbed.begin({ consumer: { options: { writeTimeoutMs: 2000 } } });
    await application.untilLogged(2000);
    // A batch waits until the statement timeout; a probe waits for a shorter time.
    const cancelled = () =>
      testbed.postgresLogged('canceling statement due to statement timeout') +
      testbed.postgresLogged('canceling statement due to lock timeout');
    const before = cancelled();
    const client = new pg.Client({ connectionString: testbed.databaseUrl });
    await client.connect();
    try {
      await client.query('begin; lock table logs.records in access exclusive mode');
      await consumer.until('storage is paused', ({ state }) => state === 'paused');
      await testbed.sleep(LOCKED_MS);
    } finally {
      await client.end();
    }
    await consumer.until('storage works again', ({ state }) => state === 'running', 60_000);
    return () => ({
      'cancelled statements': cancelled() - before,
      pauses: testbed.consumers.count('pauses'),
      redelivered: testbed.broker.redelivered,
    });
  },
};
