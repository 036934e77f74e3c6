import { readdirSync } from 'node:fs';
import path from 'node:path';
import { killProcess, openGates } from '../kill-at.mjs';

const FOLDER = path.join(import.meta.dirname, '..', '..', '..', 'consumer', 'store', 'migrations');
const MIGRATIONS = readdirSync(FOLDER).length;

const NOTE = /^insert into \S+migrations /;
const statement = (name, pattern) => ({
  name,
  at: 'postgres',
  from: 'client',
  is: ({ type, text }) => (type === 'Q' || type === 'P') && pattern.test(text),
  holdsLock: true,
});
const beforeCommit = (name) => ({
  name,
  at: 'postgres',
  from: 'client',
  is: ({ type, text, previous }) => type === 'Q' && text === 'commit' && NOTE.test(previous),
  holdsLock: true,
});

/** In the order of one way from an empty database to the whole schema. */
const PLACES = [
  statement('the schema is not made', /^create schema/),
  statement('the table of migrations is not made', /^create table if not exists \S+migrations/),
  statement('the first migration has not begun', /create type level/),
  statement('the first migration is not noted', NOTE),
  beforeCommit('the first migration is not committed'),
  {
    name: 'the answer to the COMMIT of the first migration is not read',
    at: 'postgres',
    from: 'server',
    is: ({ type, text, previous }) => type === 'C' && text === 'COMMIT' && previous === 'INSERT 0 1',
  },
  statement('the second migration has not begun', /create table dead_letters/),
  statement('the second migration is not noted', NOTE),
  beforeCommit('the second migration is not committed'),
  statement('the last migration has not begun', /create table alert_events/),
  beforeCommit('the last migration is not committed'),
];

const placesOf = (each) => PLACES.filter((_, n) => n % each === 0);

const WAITING = `select application_name as name from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'`;

export default {
  name: 'in-migration',
  title: 'killed during the migrations of an empty database, at each step, while another consumer waits for its turn',
  size: { records: 10_000, each: 1 },
  // Every second place.
  short: { records: 2000, each: 2 },
  consumer: { workers: 3 },
  bites: ({ each }) => {
    const places = placesOf(each);
    const held = places.filter(({ holdsLock }) => holdsLock);
    return { killed: places.length, 'while another one waited': held.length, migrations: MIGRATIONS };
  },
  async run(stage) {
    const gates = await openGates(stage);
    await stage.logging({ perSecond: 500 });
    const running = new Map();
    let started = 0;
    const start = () => {
      const name = `consumer-${started++}`;
      const databaseUrl = `${gates.databaseUrl}&application_name=${name}`;
      running.set(name, stage.consumers.script({ options: { databaseUrl } }));
    };
    start();
    start();
    let killed = 0;
    let waited = 0;
    const places = placesOf(stage.size.each);
    let stands = gates.standsAt(places[0]);
    for (const [n, place] of places.entries()) {
      const { application: name } = await stands;
      const [other] = [...running.keys()].filter((each) => each !== name);
      if (place.holdsLock) {
        const waits = async () => (await stage.query(WAITING)).some((each) => each.name === other);
        await stage.eventually(waits, { what: `another consumer waits at "${place.name}"`, everyMs: 5 });
        waited++;
      }
      // Before the other one goes on to it.
      if (n + 1 < places.length) stands = gates.standsAt(places[n + 1]);
      stands.catch(() => {});
      await killProcess(running.get(name));
      running.delete(name);
      killed++;
      start();
    }
    await Promise.all([...running.values()].map((each) => each.ready()));
    return async () => {
      const [{ count }] = await stage.query('select count(*)::int from logs.migrations');
      return { killed, 'while another one waited': waited, migrations: count };
    };
  },
};
