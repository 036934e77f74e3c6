import pg from 'pg';

const ROLE = 'plain_consumer';
const PASSWORD = 'plain';

export default {
  name: 'out-of-connections',
  title: 'PostgreSQL has no connection left (53300) when the consumer needs a new one, and then it has',
  minEffects: { hogged: 10, 'refused: too many connections': 1, pauses: 1 },
  /** A superuser would use one of the reserved connections. */
  async databaseUrl({ postgres, database }) {
    await postgres.query(`drop role if exists ${ROLE}`);
    await postgres.query(`create role ${ROLE} login password '${PASSWORD}'`);
    await postgres.query(`alter database ${database} owner to ${ROLE}`);
    return postgres.databaseUrl(database, { user: ROLE, password: PASSWORD });
  },
  async run(testbed) {
    const { postgres } = testbed;
    const { consumer, application } = await testbed.begin();
    await application.untilLogged(2000);
    const hog = [];
    const release = () => Promise.all(hog.splice(0).map((client) => client.end().catch(() => {})));
    testbed.afterwards(release);
    const url = postgres.databaseUrl('postgres', { user: ROLE, password: PASSWORD });
    const takeAll = async () => {
      for (;;) {
        const client = new pg.Client({ connectionString: url, application_name: 'hog' });
        client.on('error', () => {});
        try {
          await client.connect();
        } catch (error) {
          if (error.code === '53300') return;
          throw error;
        }
        hog.push(client);
      }
    };
    const isRefused = () => /53300/.test(consumer.status.reason ?? '');
    await testbed.eventually(
      async () => {
        await takeAll();
        await postgres.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
          testbed.database,
        ]);
        // The consumer competes for the freed connection.
        await takeAll();
        return isRefused();
      },
      { what: 'the consumer is refused with 53300', withinMs: 60_000, everyMs: 100 },
    );
    const hogged = hog.length;
    await application.untilLogged(application.facts.logged + 5000);
    await release();
    await consumer.until('storage works again', ({ state }) => state === 'running', 60_000);
    return () => ({
      hogged,
      'refused: too many connections': consumer.child.lines.filter((line) => /WARNING.*53300/.test(line)).length,
      pauses: testbed.consumers.count('pauses'),
      redelivered: testbed.broker.redelivered,
    });
  },
};
