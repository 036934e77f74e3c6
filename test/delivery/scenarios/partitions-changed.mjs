import pg from 'pg';
import { openRawPublisher, recordLine } from '../../suite/raw-publisher.mjs';

const DAY_MS = 86_400_000;
const MIN_CHANGES = 12;
const MIN_READERS = 5;
const MIN_REFUSED = 2;
/** Days for which the consumer creates partitions, and some that stay in the default partition. */
const DAYS = { first: -40, last: 12 };
/** A day outside the consumer's window: another session creates and drops its partition. */
const FOREIGN_DAY = -35;

export default {
  name: 'partitions-changed',
  title: 'other sessions attach, detach and drop partitions while records of many days arrive, and readers hold locks',
  short: true,
  minEffects: {
    'records of other days': 2000,
    changes: MIN_CHANGES,
    readers: MIN_READERS,
    'rejected by a changed partition': MIN_REFUSED,
  },
  async run(testbed) {
    const refusals = () => testbed.postgresLogged('violates partition constraint');
    const refusalsBefore = refusals();
    const { application } = await testbed.begin();
    const publisher = await openRawPublisher(testbed.url);
    const done = { published: 0, changes: 0, readers: 0 };
    let going = true;
    // A failure stops the others.
    const repeat = async (work) => {
      try {
        while (going) await work();
      } finally {
        going = false;
      }
    };
    const work = Promise.all([
      repeat(() => publishOldRecords(testbed, publisher, done)),
      repeat(() => changeForeignPartition(testbed, done)),
      repeat(() => detachAndAttach(testbed, done)),
      repeat(() => readForAWhile(testbed, done)),
    ]);
    // Awaited below, after it is stopped.
    work.catch(() => {});
    const enough = () =>
      application.facts.logged >= 24_000 &&
      done.changes >= MIN_CHANGES &&
      done.readers >= MIN_READERS &&
      done.published >= 2000 &&
      refusals() - refusalsBefore >= MIN_REFUSED;
    await testbed.eventually(() => !going || enough(), { what: 'enough has happened', withinMs: 90_000, everyMs: 100 });
    going = false;
    await work;
    await publisher.close();
    return async () => {
      const [{ count }] = await testbed.query(
        `select count(*)::int from pg_inherits where inhparent = 'logs.records'::regclass`,
      );
      return {
        'records of other days': done.published,
        changes: done.changes,
        readers: done.readers,
        'rejected by a changed partition': refusals() - refusalsBefore,
        'duplicates dropped': testbed.consumers.count('duplicates'),
        partitions: count,
      };
    };
  },
};

async function publishOldRecords(testbed, publisher, done) {
  const { service } = testbed;
  const refs = Array.from({ length: 40 }, (_, n) => `old-${done.published + n}`);
  const lines = refs.map((ref, n) => {
    const day = n % 4 === 0 ? FOREIGN_DAY : testbed.between(DAYS.first, DAYS.last);
    const timestamp = new Date(startOfDay(day) + testbed.between(0, DAY_MS)).toISOString();
    // With an id, a record that is delivered twice is stored once.
    return recordLine({ service, ref, timestamp, id: crypto.randomUUID() });
  });
  await publisher.publish(`${service}.info`, [Buffer.from(lines.join('\n'))], { contentType: 'application/x-ndjson' });
  testbed.addPublished(refs);
  done.published += refs.length;
  await testbed.sleep(20);
}

/** As an operator's tool would: moves the day out of the default partition, and later back into it. */
async function changeForeignPartition(testbed, done) {
  const range = rangeOf(FOREIGN_DAY);
  await transaction(testbed, async (run) => {
    await run('lock table logs.records_default in access exclusive mode');
    await run('create table logs.operators_day (like logs.records including all)');
    await run(`with moved as (delete from logs.records_default where ${range.where} returning *)
      insert into logs.operators_day select * from moved`);
    await run(`alter table logs.records attach partition logs.operators_day ${range.bounds}`);
    // While this waits, the consumer's COPY waits for the default partition, which it has already chosen.
    await testbed.sleep(150);
  });
  done.changes++;
  await testbed.sleep(testbed.between(50, 300));
  await transaction(testbed, async (run) => {
    await run('alter table logs.records detach partition logs.operators_day');
    await run('insert into logs.records select * from logs.operators_day');
    await run('drop table logs.operators_day');
  });
  done.changes++;
  await testbed.sleep(testbed.between(50, 300));
}

/**
 * A partition of the consumer is detached for maintenance and attached again, with the records that arrived meanwhile.
 */
async function detachAndAttach(testbed, done) {
  const partitions = await testbed.query(
    `select child.relname as name, pg_get_expr(child.relpartbound, child.oid) as bounds
     from pg_inherits join pg_class child on child.oid = inhrelid
     where inhparent = 'logs.records'::regclass and child.relname ~ '\\d{4}' order by 1`,
  );
  if (partitions.length === 0) return testbed.sleep(100);
  const { name, bounds } = partitions[testbed.between(0, partitions.length)];
  const [from, to] = [...bounds.matchAll(/'([^']+)'/g)].map(([, text]) => text);
  const where = `ts >= '${from}' and ts < '${to}'`;
  await transaction(testbed, (run) => run(`alter table logs.records detach partition logs.${name}`));
  await testbed.sleep(testbed.between(50, 500));
  await transaction(testbed, async (run) => {
    await run('lock table logs.records in access exclusive mode');
    // The consumer may have recreated the partition meanwhile; its records are moved.
    const [made] = await run(`select child.relname as name from pg_inherits join pg_class child on child.oid = inhrelid
      where inhparent = 'logs.records'::regclass and pg_get_expr(child.relpartbound, child.oid) = '${bounds.replaceAll("'", "''")}'`);
    if (made) await run(`alter table logs.records detach partition logs.${made.name}`);
    const source = made ? `logs.${made.name}` : 'logs.records_default';
    await run(`with moved as (delete from ${source} where ${where} returning *)
      insert into logs.${name} select * from moved on conflict do nothing`);
    if (made) await run(`drop table logs.${made.name}`);
    await run(`alter table logs.records attach partition logs.${name} ${bounds}`);
  });
  done.changes++;
  await testbed.sleep(testbed.between(100, 400));
}

/** Holds locks that every change has to wait for; everything queued behind a change waits as well. */
async function readForAWhile(testbed, done) {
  await transaction(testbed, async (run) => {
    await run('select count(*) from logs.records');
    await testbed.sleep(testbed.between(50, 700));
  });
  done.readers++;
  await testbed.sleep(testbed.between(50, 300));
}

/** Retries while locks are not available: lock holders are part of this scenario. */
async function transaction(testbed, work) {
  for (;;) {
    const client = new pg.Client({ connectionString: testbed.postgres.databaseUrl(testbed.database) });
    client.on('error', () => {});
    await client.connect();
    try {
      await client.query(`begin; set local lock_timeout = '1s'`);
      await work(async (statement) => (await client.query(statement)).rows);
      await client.query('commit');
      return;
    } catch (error) {
      if (!['55P03', '40P01'].includes(error.code)) throw error;
    } finally {
      await client.end();
    }
    await testbed.sleep(testbed.between(5, 50));
  }
}

function startOfDay(day) {
  return Math.floor(Date.now() / DAY_MS + day) * DAY_MS;
}

function rangeOf(day) {
  const [from, to] = [startOfDay(day), startOfDay(day + 1)].map((ms) => new Date(ms).toISOString());
  return { where: `ts >= '${from}' and ts < '${to}'`, bounds: `for values from ('${from}') to ('${to}')` };
}
