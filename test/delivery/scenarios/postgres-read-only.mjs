export default {
  name: 'postgres-read-only',
  title: 'PostgreSQL becomes read-only and writable again: the whole server, then the database for new sessions',
  minEffects: { 'rejected as read-only': 2, pauses: 2 },
  async run(testbed) {
    const { postgres, database } = testbed;
    const { consumer, application } = await testbed.begin();
    let refused = 0;
    const pausedAsReadOnly = async () => {
      const { reason } = await consumer.until('storage is paused', ({ state }) => state === 'paused');
      if (/25006|read-only/.test(reason)) refused++;
      await application.untilLogged(application.facts.logged + 3000);
    };
    const storing = () => consumer.until('storage works again', ({ state }) => state === 'running', 60_000);
    const reload = async (statement) => {
      await postgres.query(statement);
      await postgres.query('select pg_reload_conf()');
    };

    testbed.afterwards(() => reload('alter system reset default_transaction_read_only'));
    await application.untilLogged(2000);
    await reload('alter system set default_transaction_read_only = on');
    await pausedAsReadOnly();
    await reload('alter system reset default_transaction_read_only');
    await storing();

    await application.untilLogged(application.facts.logged + 2000);
    await postgres.query(`alter database ${database} set default_transaction_read_only = on`);
    await postgres.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database]);
    await pausedAsReadOnly();
    await postgres.query(`alter database ${database} reset default_transaction_read_only`);
    await storing();
    return () => ({
      'rejected as read-only': refused,
      pauses: testbed.consumers.count('pauses'),
      redelivered: testbed.broker.redelivered,
    });
  },
};
