export default {
  name: 'constraint-dropped',
  title: "a user's CHECK constraint rejects records and is dropped a little later: they are stored by a retry",
  env: { RETRY_DELAYS_MS: '500,1000,2000,4000,8000,8000' },
  minEffects: { 'rejected and published to a delay queue': 50 },
  async run(testbed) {
    const consumer = testbed.consumers.script();
    await consumer.ready();
    await testbed.query(`alter table logs.records add constraint no_refunds check (not information ? 'refund')`);
    const application = testbed.application({ information: { each: 100, add: { refund: true } } });
    await application.untilConnected();
    await application.log();
    await consumer.until('records were rejected', ({ counts }) => counts?.retried >= 50);
    await application.untilLogged(12_000);
    const before = await testbed.query(`select count(*)::int from logs.records where information ? 'refund'`);
    if (before[0].count > 0) testbed.fault(`${before[0].count} records passed the constraint`);
    await testbed.query('alter table logs.records drop constraint no_refunds');
    return async () => {
      const after = await testbed.query(`select count(*)::int from logs.records where information ? 'refund'`);
      return {
        'rejected and published to a delay queue': testbed.consumers.count('retried'),
        'of these records stored in the end': after[0].count,
      };
    };
  },
};
