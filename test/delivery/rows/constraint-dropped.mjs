export default {
  name: 'constraint-dropped',
  title: "a user's CHECK constraint refuses records and is dropped a little later: stored by a retry",
  env: { RETRY_DELAYS_MS: '500,1000,2000,4000,8000,8000' },
  bites: { 'refused and put into a delay queue': 50 },
  async run(stage) {
    const consumer = stage.consumers.script();
    await consumer.ready();
    await stage.query(`alter table logs.records add constraint no_refunds check (not information ? 'refund')`);
    const application = stage.application({ information: { each: 100, add: { refund: true } } });
    await application.untilConnected();
    await application.log();
    await consumer.until('records were refused', ({ counts }) => counts?.retried >= 50);
    await application.untilLogged(12_000);
    const before = await stage.query(`select count(*)::int from logs.records where information ? 'refund'`);
    if (before[0].count > 0) stage.fault(`${before[0].count} records passed the constraint`);
    await stage.query('alter table logs.records drop constraint no_refunds');
    return async () => {
      const after = await stage.query(`select count(*)::int from logs.records where information ? 'refund'`);
      return {
        'refused and put into a delay queue': stage.consumers.count('retried'),
        'of such records stored in the end': after[0].count,
      };
    };
  },
};
