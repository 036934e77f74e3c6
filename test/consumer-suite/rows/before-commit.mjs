import { killAtPlaces } from '../kill-at.mjs';

const COPIES = `select count(*)::int from pg_stat_activity where datname = current_database() and state = 'active'
  and query ~ 'copy "logs".records' and wait_event = 'ClientRead'`;

/** PostgreSQL has all rows of a COPY, and waits for the word that they are all. COMMIT would follow by itself. */
const ROWS_SENT = {
  name: 'the rows of a COPY are sent',
  at: 'postgres',
  from: 'client',
  is: ({ type }) => type === 'c',
  seen: async (stage) => (await stage.query(COPIES))[0].count > 0,
};

export default {
  name: 'before-commit',
  title: 'killed before COMMIT: PostgreSQL has all rows of a batch and has not committed them',
  size: { records: 20_000, kills: 10 },
  short: { records: 4000, kills: 4 },
  consumer: { workers: 3 },
  bites: ({ kills }) => ({ processes: kills / 2, 'times all threads': kills / 2, redelivered: kills }),
  async run(stage) {
    await stage.logging({ perSecond: 1000 });
    const killed = await killAtPlaces(stage, { places: [ROWS_SENT], times: stage.size.kills });
    return () => ({
      ...killed,
      redelivered: stage.broker.redelivered,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
