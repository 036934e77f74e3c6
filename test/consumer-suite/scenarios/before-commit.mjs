import { killAtBreakpoints } from '../kill-at.mjs';

const COPIES = `select count(*)::int from pg_stat_activity where datname = current_database() and state = 'active'
  and query ~ 'copy "logs".records' and wait_event = 'ClientRead'`;

/** PostgreSQL has all rows of a COPY and waits for CopyDone. COMMIT would follow immediately. */
const ROWS_SENT = {
  name: 'the rows of a COPY are sent',
  at: 'postgres',
  from: 'client',
  is: ({ type }) => type === 'c',
  seen: async (testbed) => (await testbed.query(COPIES))[0].count > 0,
};

export default {
  name: 'before-commit',
  title: 'killed before COMMIT: PostgreSQL has received all rows of a batch and has not committed them',
  size: { records: 20_000, kills: 10 },
  short: { records: 4000, kills: 4 },
  consumer: { workers: 3 },
  minEffects: ({ kills }) => ({ processes: kills / 2, 'times all threads': kills / 2, redelivered: kills }),
  async run(testbed) {
    await testbed.logging({ perSecond: 1000 });
    const killed = await killAtBreakpoints(testbed, { breakpoints: [ROWS_SENT], times: testbed.size.kills });
    return () => ({
      ...killed,
      redelivered: testbed.broker.redelivered,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
