/** Faults of PostgreSQL as a whole: each test has its own server. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { test } from 'vitest';
import { type PostgresOptions, type PostgresServer, startPostgres } from '../../support/postgres.mjs';
import { beside, onEnd, useBroker } from '../../support/use-servers.js';
import { sleep } from '../../support/wait.mjs';
import { checkFault, type Fault } from './check-fault.js';
import { type Stage, useStage } from './stage.js';

interface ServerFault extends Omit<Fault, 'begin' | 'checks' | 'warning' | 'series'> {
  readonly reason: RegExp;
  readonly settings?: PostgresOptions['settings'];
  readonly begin: (server: PostgresServer, stage: Stage) => Promise<() => Promise<unknown>>;
}

const NOBODY_LISTENS = /nothing listens at 127\.0\.0\.1:\d+\. Start PostgreSQL there, or correct host and port/;

const FAULTS: ServerFault[] = [
  {
    name: 'PostgreSQL is stopped',
    reason: NOBODY_LISTENS,
    async begin(server) {
      await server.kill('SIGINT');
      return () => server.start();
    },
  },
  {
    name: 'PostgreSQL is dead, by SIGKILL',
    reason: NOBODY_LISTENS,
    async begin(server) {
      await server.kill('SIGKILL');
      return () => server.start();
    },
  },
  {
    name: 'PostgreSQL stands still, by SIGSTOP',
    // An open session does not answer; a new one cannot be opened.
    reason: /has not answered for \d+ s\. Check whether it hangs|did not answer in time\. Check the address/,
    async begin(server) {
      const processes = await processesOf(server);
      for (const pid of processes) process.kill(pid, 'SIGSTOP');
      // If it is killed while stopped, it would remain.
      onEnd(() => goOn(processes));
      return async () => goOn(processes);
    },
  },
  {
    name: 'PostgreSQL has become a standby',
    reason: /is a standby\. Point the database URL at the primary|is read-only: .*25006.*Point the database URL at/,
    async begin(server, stage) {
      await server.kill('SIGINT');
      await writeFile(path.join(server.dir, 'data', 'standby.signal'), '');
      await server.start();
      return () => stage.ofServer('select pg_promote()');
    },
  },
  {
    name: 'PostgreSQL has no connection left',
    reason: /has no free connection for user role_\w+: .*53300.*Raise max_connections/,
    settings: { max_connections: 15 },
    async begin(_, stage) {
      const url = new URL(stage.consumerUrl);
      url.pathname = '/postgres';
      const taken = await takeAllConnections(url.href, stage);
      return () => Promise.all(taken.map((client) => client.end()));
    },
  },
];

async function processesOf({ pid }: PostgresServer): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=']);
  const pairs = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return [pid!, ...pairs.flatMap(([child, parent]) => (parent === pid ? [child!] : []))];
}

function goOn(processes: readonly number[]): void {
  for (const pid of processes) {
    try {
      process.kill(pid, 'SIGCONT');
    } catch {
      // It has ended.
    }
  }
}

/**
 * As the consumer's role, which has no reserved connections. Connections that become free when its sessions end are
 * taken too.
 */
async function takeAllConnections(url: string, stage: Stage): Promise<pg.Client[]> {
  const taken: pg.Client[] = [];
  onEnd(() => Promise.all(taken.map((client) => client.end().catch(() => {}))));
  // A terminated session frees its connection a moment later.
  for (let refusals = 0; refusals < 3; ) {
    const client = new pg.Client({ connectionString: url, application_name: 'hog' });
    client.on('error', () => {});
    try {
      await client.connect();
      taken.push(client);
      refusals = 0;
    } catch (error) {
      if ((error as { code?: string }).code !== '53300') throw error;
      const own = await stage.sql(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where usename = '${stage.role}' and application_name <> 'hog'`,
      );
      refusals = own.length === 0 ? refusals + 1 : 0;
      await sleep(100);
    }
  }
  return taken;
}

test.concurrent.for(FAULTS)(
  'nothing is lost, and the consumer reports it, while $name',
  { timeout: 120_000 },
  beside(async ({ reason, settings, begin, ...fault }: ServerFault) => {
    const server = await startPostgres(settings ? { settings } : {});
    onEnd(() => server.stop());
    const { url } = await useBroker();
    const stage = await useStage({ brokerUrl: url, databaseUrl: await server.createDatabase('logs') });
    await checkFault(stage, {
      ...fault,
      begin: () => begin(server, stage),
      checks: { database: reason },
      warning: reason,
      series: { loghive_storage_up: 0 },
    });
  }),
);
