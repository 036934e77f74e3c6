import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { startPgbouncer } from '../../support/pgbouncer.mjs';

const ROUNDS = 6;
const MIN_TERMINATED = 20;
const MIN_SESSIONS = 15;
const MIN_CHECKS = 100;

/** The settings with which the COPY of each batch must run, regardless of the database settings below. */
const OURS = { synchronous_commit: 'on', transaction_isolation: 'read committed', TimeZone: 'UTC' };
/** The settings that another client of the pool must always see. */
const OF_THE_DATABASE = {
  synchronous_commit: 'off',
  default_transaction_isolation: 'repeatable read',
  TimeZone: 'Asia/Tokyo',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
};

export default {
  name: 'pooler',
  title:
    'behind a real PgBouncer in transaction mode: server sessions expire and are killed, PgBouncer is killed; no settings leak into other sessions',
  minEffects: {
    'server sessions that stored': MIN_SESSIONS,
    'server sessions terminated': MIN_TERMINATED,
    'times PgBouncer was killed': 2,
    'checks by another client': MIN_CHECKS,
    pauses: 2,
  },
  async run(testbed) {
    const { postgres, database } = testbed;
    for (const [name, value] of Object.entries(OF_THE_DATABASE)) {
      await postgres.query(`alter database ${database} set ${name} = '${value}'`);
    }
    const pooler = await startPgbouncer({
      target: postgres.url,
      settings: { server_lifetime: 1, server_idle_timeout: 1, default_pool_size: 5 },
    });
    testbed.afterwards(() => pooler.stop());
    const databaseUrl = pooler.url(testbed.databaseUrl);
    const first = testbed.consumers.script({ options: { databaseUrl } });
    await first.ready();
    await noteSettings(testbed);
    const { consumer: second, application } = await testbed.begin({ consumer: { options: { databaseUrl } } });
    const other = observe(databaseUrl);
    testbed.afterwards(other.stop);

    const isPaused = () => [first, second].some(({ status }) => status.state === 'paused');
    let terminated = 0;
    const terminate = async () => {
      const ended = await postgres.query(
        'select pg_terminate_backend(pid) as done from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
        [database],
      );
      terminated += ended.filter(({ done }) => done).length;
    };
    const sessions = async () => (await testbed.query('select count(distinct pid)::int as n from public.seen'))[0].n;
    const enough = async () => terminated >= MIN_TERMINATED && (await sessions()) >= MIN_SESSIONS;
    for (let round = 0; round < ROUNDS || !(await enough()); round++) {
      await application.untilLogged(application.facts.logged + testbed.between(800, 1600));
      await terminate();
      await application.untilLogged(application.facts.logged + testbed.between(800, 1600));
      await pooler.admin('reconnect');
      if (round % 3 !== 2) continue;
      await pooler.kill(round % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      await testbed.eventually(isPaused, { what: 'a consumer has paused', withinMs: 60_000 });
      await pooler.start();
    }
    await testbed.eventually(() => other.checks > MIN_CHECKS, { what: 'another client has checked', withinMs: 60_000 });
    for (const each of [first, second]) await each.until('storage works', ({ state }) => state === 'running', 60_000);
    await other.stop();

    return async () => {
      const copies = await testbed.query('select distinct settings from public.seen');
      for (const { settings } of copies) {
        if (!isDeepStrictEqual(settings, OURS)) testbed.fault(`a COPY ran with ${JSON.stringify(settings)}`);
      }
      for (const settings of other.seen) {
        if (!isDeepStrictEqual(settings, OF_THE_DATABASE)) {
          testbed.fault(`another client of the pool has seen ${JSON.stringify(settings)}`);
        }
      }
      return {
        'server sessions that stored': await sessions(),
        'server sessions terminated': terminated,
        'times PgBouncer was killed': pooler.log().split('process up: PgBouncer').length - 2,
        'checks by another client': other.checks,
        pauses: testbed.consumers.count('pauses'),
        'duplicates dropped': testbed.consumers.count('duplicates'),
      };
    };
  },
};

const settingsSql = (names) => `(select jsonb_object_agg(name, setting) from pg_settings
  where name in (${Object.keys(names).map(pg.escapeLiteral).join()}))`;

/** Records the settings of each statement that stores records. */
async function noteSettings(testbed) {
  await testbed.query(`create table public.seen (settings jsonb, pid int)`);
  await testbed.query(`create function public.see() returns trigger language plpgsql as $$ begin
    insert into public.seen values (${settingsSql(OURS)}, pg_backend_pid()); return null; end $$`);
  await testbed.query(
    'create trigger see after insert on logs.records for each statement execute function public.see()',
  );
}

/** Another client of the same pool, which reuses Loghive's sessions. */
function observe(connectionString) {
  const seen = new Map();
  let checks = 0;
  let on = true;
  const looking = (async () => {
    while (on) {
      const client = new pg.Client({ connectionString, application_name: 'another' });
      client.on('error', () => {});
      try {
        await client.connect();
        while (on) {
          const { rows } = await client.query(`select ${settingsSql(OF_THE_DATABASE)} as settings`);
          checks++;
          seen.set(JSON.stringify(rows[0].settings), rows[0].settings);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      } catch {
        // Its sessions are terminated like all others.
        await new Promise((resolve) => setTimeout(resolve, 50));
      } finally {
        await client.end().catch(() => {});
      }
    }
  })();
  return {
    get checks() {
      return checks;
    },
    get seen() {
      return [...seen.values()];
    },
    async stop() {
      on = false;
      await looking;
    },
  };
}
