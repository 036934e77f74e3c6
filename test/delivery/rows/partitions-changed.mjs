import pg from 'pg';
import { openRawPublisher, recordLine } from '../../suite/raw-publisher.mjs';

const DAY_MS = 86_400_000;
const MIN_CHANGES = 12;
const MIN_READERS = 5;
const MIN_REFUSED = 2;
/** Days in which the consumer makes partitions itself, and some that are left to the default partition. */
const DAYS = { first: -40, last: 12 };
/** Outside of its window: another session makes and removes the partition of this day. */
const FOREIGN_DAY = -35;

export default {
  name: 'partitions-changed',
  title:
    'partitions are attached, detached and dropped by others while records of many days arrive, and readers hold locks',
  short: true,
  bites: {
    'records of other days': 2000,
    changes: MIN_CHANGES,
    readers: MIN_READERS,
    'refused by a changed partition': MIN_REFUSED,
  },
  async run(stage) {
    const refusals = () => stage.postgresLogged('violates partition constraint');
    const refusalsBefore = refusals();
    const { application } = await stage.begin();
    const publisher = await openRawPublisher(stage.url);
    const done = { published: 0, changes: 0, readers: 0 };
    let going = true;
    // One that fails ends the others.
    const repeat = async (work) => {
      try {
        while (going) await work();
      } finally {
        going = false;
      }
    };
    const work = Promise.all([
      repeat(() => publishOldRecords(stage, publisher, done)),
      repeat(() => changeForeignPartition(stage, done)),
      repeat(() => detachAndAttach(stage, done)),
      repeat(() => readForAWhile(stage, done)),
    ]);
    // Awaited below, once it is told to stop.
    work.catch(() => {});
    const enough = () =>
      application.facts.logged >= 24_000 &&
      done.changes >= MIN_CHANGES &&
      done.readers >= MIN_READERS &&
      done.published >= 2000 &&
      refusals() - refusalsBefore >= MIN_REFUSED;
    await stage.eventually(() => !going || enough(), { what: 'enough has happened', withinMs: 90_000, everyMs: 100 });
    going = false;
    await work;
    await publisher.close();
    return async () => {
      const [{ count }] = await stage.query(
        `select count(*)::int from pg_inherits where inhparent = 'logs.records'::regclass`,
      );
      return {
        'records of other days': done.published,
        changes: done.changes,
        readers: done.readers,
        'refused by a changed partition': refusals() - refusalsBefore,
        'dropped by key': stage.consumers.count('duplicates'),
        partitions: count,
      };
    };
  },
};

async function publishOldRecords(stage, publisher, done) {
  const { service } = stage;
  const refs = Array.from({ length: 40 }, (_, n) => `old-${done.published + n}`);
  const lines = refs.map((ref, n) => {
    const day = n % 4 === 0 ? FOREIGN_DAY : stage.between(DAYS.first, DAYS.last);
    const timestamp = new Date(startOfDay(day) + stage.between(0, DAY_MS)).toISOString();
    // With an id of its own a record that is delivered twice is stored once.
    return recordLine({ service, ref, timestamp, id: crypto.randomUUID() });
  });
  await publisher.publish(`${service}.info`, [Buffer.from(lines.join('\n'))], { contentType: 'application/x-ndjson' });
  stage.addPublished(refs);
  done.published += refs.length;
  await stage.sleep(20);
}

/** As an operator's own tool would: the day leaves the default partition, and later goes back into it. */
async function changeForeignPartition(stage, done) {
  const range = rangeOf(FOREIGN_DAY);
  await transaction(stage, async (run) => {
    await run('lock table logs.records_default in access exclusive mode');
    await run('create table logs.operators_day (like logs.records including all)');
    await run(`with moved as (delete from logs.records_default where ${range.where} returning *)
      insert into logs.operators_day select * from moved`);
    await run(`alter table logs.records attach partition logs.operators_day ${range.bounds}`);
    // While this waits, the consumer's COPY waits for the default partition, to which it has decided to go.
    await stage.sleep(150);
  });
  done.changes++;
  await stage.sleep(stage.between(50, 300));
  await transaction(stage, async (run) => {
    await run('alter table logs.records detach partition logs.operators_day');
    await run('insert into logs.records select * from logs.operators_day');
    await run('drop table logs.operators_day');
  });
  done.changes++;
  await stage.sleep(stage.between(50, 300));
}

/** A partition that the consumer made is taken out for maintenance and put back with what arrived meanwhile. */
async function detachAndAttach(stage, done) {
  const partitions = await stage.query(
    `select child.relname as name, pg_get_expr(child.relpartbound, child.oid) as bounds
     from pg_inherits join pg_class child on child.oid = inhrelid
     where inhparent = 'logs.records'::regclass and child.relname ~ '\\d{4}' order by 1`,
  );
  if (partitions.length === 0) return stage.sleep(100);
  const { name, bounds } = partitions[stage.between(0, partitions.length)];
  const [from, to] = [...bounds.matchAll(/'([^']+)'/g)].map(([, text]) => text);
  const where = `ts >= '${from}' and ts < '${to}'`;
  await transaction(stage, (run) => run(`alter table logs.records detach partition logs.${name}`));
  await stage.sleep(stage.between(50, 500));
  await transaction(stage, async (run) => {
    await run('lock table logs.records in access exclusive mode');
    // The consumer may have made the day anew meanwhile; its records move over.
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
  await stage.sleep(stage.between(100, 400));
}

/** Locks that every change has to wait for, and what waits behind a change waits as well. */
async function readForAWhile(stage, done) {
  await transaction(stage, async (run) => {
    await run('select count(*) from logs.records');
    await stage.sleep(stage.between(50, 700));
  });
  done.readers++;
  await stage.sleep(stage.between(50, 300));
}

/** Repeats for as long as locks cannot be had: what holds them is the point of this row. */
async function transaction(stage, work) {
  for (;;) {
    const client = new pg.Client({ connectionString: stage.postgres.databaseUrl(stage.database) });
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
    await stage.sleep(stage.between(5, 50));
  }
}

function startOfDay(day) {
  return Math.floor(Date.now() / DAY_MS + day) * DAY_MS;
}

function rangeOf(day) {
  const [from, to] = [startOfDay(day), startOfDay(day + 1)].map((ms) => new Date(ms).toISOString());
  return { where: `ts >= '${from}' and ts < '${to}'`, bounds: `for values from ('${from}') to ('${to}')` };
}
