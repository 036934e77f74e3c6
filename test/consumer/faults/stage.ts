/** The setup of a fault: a real `loghive consume` with two worker threads, and a producer that keeps logging. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import pg from 'pg';
import { expect } from 'vitest';
import { LoggerClient } from '../../../src/index.js';
import type { Child } from '../../support/child.mjs';
import type { TcpProxy } from '../../support/proxy.mjs';
import { fetched, seriesOf } from '../../support/scrape.js';
import { onEnd, uniqueName, useChild } from '../../support/use-servers.js';
import { eventually, sleep } from '../../support/wait.mjs';

const program = path.resolve(import.meta.dirname, '../../../dist/esm/cli/main.js');

/** With reserve for a busy machine. */
const START_MS = 60_000;

/** The answer to a probe: the failed checks, with their reasons. */
export interface Answer {
  readonly status: number;
  readonly reasons: Readonly<Record<string, string>>;
}

export interface StageServers {
  readonly brokerUrl: string;
  /** As superuser. */
  readonly databaseUrl: string;
  /** Proxies that only the consumer uses to reach the servers. */
  readonly through?: { readonly broker: TcpProxy; readonly database: TcpProxy };
  /** An earlier stage, whose service and role it reuses. */
  readonly after?: Stage;
  /** Of the consumer. */
  readonly nodeArgs?: string[];
}

export interface Stage {
  readonly service: string;
  readonly database: string;
  /**
   * The consumer's role in PostgreSQL: the owner of the database, because permissions and limits do not apply to a
   * superuser.
   */
  readonly role: string;
  readonly consumer: Child;
  /** The consumer's URL, with its password. */
  readonly consumerUrl: string;
  /** On a separate connection, as superuser. Several statements in one call return no rows. */
  sql(text: string): Promise<Array<Record<string, unknown>>>;
  /** The same, in the database `postgres`. */
  ofServer(text: string): Promise<Array<Record<string, unknown>>>;
  /** A connection as superuser, open until the test ends. */
  connection(): Promise<pg.Client>;
  /** Terminates the consumer's sessions, so that it has to log in again. */
  endSessions(): Promise<void>;
  /** Resolves when it consumes messages. */
  started(): Promise<void>;
  log(records: number): void;
  /** Logs a few records repeatedly until stopped. */
  logSteadily(): () => void;
  probe(path: '/livez' | '/readyz' | '/startupz'): Promise<Answer>;
  status(): Promise<{ health: string; reasons: string[]; state: string; inHand: number }>;
  series(): Promise<Map<string, number>>;
  /** Resolves when the table contains every record exactly once, and nothing else. */
  allStoredOnce(withinMs?: number): Promise<void>;
  /** Earlier records are no longer expected in the table. */
  forget(): void;
  /** By SIGTERM. */
  end(): Promise<void>;
}

export async function useStage({
  brokerUrl,
  databaseUrl,
  through,
  nodeArgs = [],
  after,
}: StageServers): Promise<Stage> {
  const service = after?.service ?? uniqueName('svc');
  const role = after?.role ?? uniqueName('role');
  const database = new URL(databaseUrl).pathname.slice(1);
  const asRole = new URL(databaseUrl);
  asRole.username = role;
  asRole.password = 'right';
  const consumerUrl = through ? through.database.url(asRole.href) : asRole.href;

  async function query(url: string, text: string) {
    const client = new pg.Client({ connectionString: url, application_name: 'test' });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(text)).rows ?? [];
    } finally {
      await client.end().catch(() => {});
    }
  }

  const sql = (text: string) => query(databaseUrl, text);
  const serverUrl = new URL(databaseUrl);
  serverUrl.pathname = '/postgres';
  if (!after) await sql(`create role ${role} login password 'right'; alter database ${database} owner to ${role}`);
  const consumer = useChild(program, {
    args: [
      ...['consume', service, '--http-port', '0', '--url', through ? through.broker.url(brokerUrl) : brokerUrl],
      ...['--database-url', consumerUrl],
    ],
    nodeArgs,
    env: { CONSUMER_WORKERS: '2' },
    cwd: '/',
  });
  const [, port] = await consumer.waitForLine(/health and metrics: http:\/\/127\.0\.0\.1:(\d+)/, START_MS);
  const client = new LoggerClient({ service, url: brokerUrl });
  onEnd(() => client.close());
  let logged: string[] = [];
  let made = 0;

  const stage: Stage = {
    service,
    database,
    role,
    consumer,
    consumerUrl,
    sql,
    ofServer: (text) => query(serverUrl.href, text),
    async connection() {
      const open = new pg.Client({ connectionString: databaseUrl, application_name: 'test' });
      open.on('error', () => {});
      await open.connect();
      onEnd(() => open.end().catch(() => {}));
      return open;
    },
    async endSessions() {
      await sql(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
    },
    async started() {
      await consumer.waitForLine(/consuming messages of/, START_MS);
    },
    log(records) {
      for (let n = 0; n < records; n++) {
        const message = `m${++made}`;
        logged.push(message);
        // Two queues, and more room than the row of a probe needs.
        client.log(made % 2 === 0 ? 'ERROR' : 'INFO', message, { text: randomBytes(2000).toString('base64') });
      }
    },
    logSteadily() {
      const timer = setInterval(() => stage.log(5), 200);
      onEnd(() => clearInterval(timer));
      return () => clearInterval(timer);
    },
    async probe(at) {
      const { status, body } = await fetched(Number(port), at);
      const { checks } = JSON.parse(body) as { checks: Record<string, { reason?: string }> };
      const reasons = Object.entries(checks).flatMap(([name, { reason }]) => (reason ? [[name, reason] as const] : []));
      return { status, reasons: Object.fromEntries(reasons) };
    },
    status: async () => JSON.parse((await fetched(Number(port), '/status')).body),
    series: async () => seriesOf((await fetched(Number(port), '/metrics')).body),
    async allStoredOnce(withinMs = 45_000) {
      await eventually(
        async () => {
          const [counted] = await sql(
            `select count(*)::int as rows, count(distinct message)::int as different from logs.records
             where service = '${service}' and message = any(string_to_array('${logged.join(',')}', ','))`,
          );
          expect(counted).toEqual({ rows: logged.length, different: logged.length });
        },
        { withinMs, everyMs: 200 },
      );
      expect(await sql('select * from logs.dead_letters')).toEqual([]);
    },
    forget() {
      logged = [];
    },
    async end() {
      await consumer.kill('SIGTERM');
      expect(await consumer.exited).toEqual({ code: 0, signal: null });
    },
  };
  return stage;
}

/** Polls `/readyz`. @returns a function that stops polling and returns the answers that were not `expected`. */
export function watchReadiness(stage: Stage, expected: number): () => Promise<Answer[]> {
  const others: Answer[] = [];
  let goesOn = true;
  const watched = (async () => {
    for (; goesOn; await sleep(250)) {
      const answer = await stage.probe('/readyz');
      if (goesOn && answer.status !== expected) others.push(answer);
    }
  })();
  // Awaited below.
  watched.catch(() => {});
  return async () => {
    goesOn = false;
    await watched;
    return others;
  };
}
