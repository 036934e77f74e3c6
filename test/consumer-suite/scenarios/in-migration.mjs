import { readdirSync } from 'node:fs';
import path from 'node:path';
import { killProcess, openBreakpointProxies } from '../kill-at.mjs';

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

/** In execution order, from an empty database to the complete schema. */
const BREAKPOINTS = [
  statement('the schema is not created', /^create schema/),
  statement('the migrations table is not created', /^create table if not exists \S+migrations/),
  statement('the first migration has not started', /create type level/),
  statement('the first migration is not recorded', NOTE),
  beforeCommit('the first migration is not committed'),
  {
    name: 'the answer to the COMMIT of the first migration is not read',
    at: 'postgres',
    from: 'server',
    is: ({ type, text, previous }) => type === 'C' && text === 'COMMIT' && previous === 'INSERT 0 1',
  },
  statement('the second migration has not started', /create table dead_letters/),
  statement('the second migration is not recorded', NOTE),
  beforeCommit('the second migration is not committed'),
  statement('the last migration has not started', /create table alert_events/),
  beforeCommit('the last migration is not committed'),
];

const breakpointsOf = (each) => BREAKPOINTS.filter((_, n) => n % each === 0);

const WAITING = `select application_name as name from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'`;

export default {
  name: 'in-migration',
  title: 'killed during the migrations of an empty database, at each step, while another consumer waits for the lock',
  size: { records: 10_000, each: 1 },
  // Every second breakpoint.
  short: { records: 2000, each: 2 },
  consumer: { workers: 3 },
  minEffects: ({ each }) => {
    const breakpoints = breakpointsOf(each);
    const held = breakpoints.filter(({ holdsLock }) => holdsLock);
    return { killed: breakpoints.length, 'while another waited': held.length, migrations: MIGRATIONS };
  },
  async run(testbed) {
    const proxies = await openBreakpointProxies(testbed);
    await testbed.logging({ perSecond: 500 });
    const running = new Map();
    let started = 0;
    const start = () => {
      const name = `consumer-${started++}`;
      const databaseUrl = `${proxies.databaseUrl}&application_name=${name}`;
      running.set(name, testbed.consumers.script({ options: { databaseUrl } }));
    };
    start();
    start();
    let killed = 0;
    let waited = 0;
    const breakpoints = breakpointsOf(testbed.size.each);
    let stopped = proxies.stoppedAt(breakpoints[0]);
    for (const [n, breakpoint] of breakpoints.entries()) {
      const { application: name } = await stopped;
      const [other] = [...running.keys()].filter((each) => each !== name);
      if (breakpoint.holdsLock) {
        const waits = async () => (await testbed.query(WAITING)).some((each) => each.name === other);
        await testbed.eventually(waits, { what: `another consumer waits at "${breakpoint.name}"`, everyMs: 5 });
        waited++;
      }
      // Before the other consumer reaches it.
      if (n + 1 < breakpoints.length) stopped = proxies.stoppedAt(breakpoints[n + 1]);
      stopped.catch(() => {});
      await killProcess(running.get(name));
      running.delete(name);
      killed++;
      start();
    }
    await Promise.all([...running.values()].map((each) => each.ready()));
    return async () => {
      const [{ count }] = await testbed.query('select count(*)::int from logs.migrations');
      return { killed, 'while another waited': waited, migrations: count };
    };
  },
};
