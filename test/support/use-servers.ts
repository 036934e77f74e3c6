import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, inject, onTestFinished } from 'vitest';
import { type BreakpointProxy, type Protocol, startBreakpointProxy } from './breakpoint-proxy.mjs';
import { type Child, type ChildOptions, startChild } from './child.mjs';
import { administer as administerPostgres } from './postgres-admin.mjs';
import { startProxy, type TcpProxy } from './proxy.mjs';
import type { QueueInfo, RabbitmqAdmin } from './rabbitmq.mjs';
import { administer as administerRabbitmq } from './rabbitmq-admin.mjs';

export interface TestBroker {
  /** As guest, in a vhost of this test's own. */
  url: string;
  vhost: string;
  host: string;
  port: number;
  /** The server's version, '3.10.8'. */
  version: string;
  /** The whole node: other tests run on it at the same time, so never block or stop it. */
  admin: RabbitmqAdmin;
  /** Of the own vhost. */
  listQueues(): Promise<QueueInfo[]>;
  closeConnections(): Promise<number>;
}

export interface TestDatabase {
  /** As superuser, in a database of this test's own. */
  url: string;
  name: string;
  /** The server's version, '18.4'. */
  version: string;
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever the query selects
  query<Row = any>(sql: string, params?: unknown[]): Promise<Row[]>;
}

/** A vhost of the shared RabbitMQ, deleted when the test (called within one) or the file or suite is over. */
export async function useBroker(): Promise<TestBroker> {
  const node = inject('rabbitmq');
  const admin = administerRabbitmq(node);
  const vhost = uniqueName('vhost');
  onEnd(() => admin.deleteVhost(vhost));
  const url = await admin.addVhost(vhost);
  return {
    url,
    vhost,
    host: node.host,
    port: node.port,
    version: node.version,
    admin,
    listQueues: () => admin.listQueues(vhost),
    closeConnections: () => admin.closeConnections({ vhost }),
  };
}

/** A database of the shared PostgreSQL, dropped when the test (called within one) or the file or suite is over. */
export async function useDatabase(): Promise<TestDatabase> {
  const server = inject('postgres');
  const admin = administerPostgres(server);
  const name = uniqueName('db');
  const url = await admin.createDatabase(name);
  // Conditions are waited for by asking again and again: a connection for each question would be most of the work.
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {});
  onEnd(async () => {
    await pool.end();
    await admin.dropDatabase(name);
  });
  return { url, name, version: server.version, query: async (sql, params) => (await pool.query(sql, params)).rows };
}

/** A proxy in front of a server, stopped at the end. `url` is where it leads: a URL with host and port. */
export async function useProxy(url: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(url);
  const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
  onEnd(() => proxy.stop());
  return proxy;
}

/** A breakpoint proxy in front of a server. It is stopped at the end of the test, with all its connections. */
export async function useBreakpointProxy(url: string, protocol: Protocol): Promise<BreakpointProxy> {
  const { hostname, port } = new URL(url);
  const breakpoints = await startBreakpointProxy({ target: { host: hostname, port: Number(port) }, protocol });
  onEnd(() => breakpoints.stop());
  return breakpoints;
}

/** A real child process, killed at the end. */
export function useChild(file: string, options?: ChildOptions): Child {
  const child = startChild(file, options);
  onEnd(() => child.kill());
  return child;
}

/** A name that no other test of this run has: letters, digits and underscores, usable for services and tables. */
export function uniqueName(prefix = 'test'): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}

type AtEnd = (teardown: () => Promise<void>) => void;
const ofThisTest = new AsyncLocalStorage<AtEnd>();

/** The body of a `test.concurrent`: vitest cannot tell whose end `onEnd` means while several tests run at once. */
export function beside<Arguments extends unknown[]>(
  body: (...given: Arguments) => Promise<void>,
): (...given: [...Arguments, { onTestFinished: AtEnd }]) => Promise<void> {
  return (...given) => {
    const context = given.at(-1) as { onTestFinished: AtEnd };
    return ofThisTest.run(context.onTestFinished, () => body(...(given.slice(0, -1) as Arguments)));
  };
}

/** Within a test that test's end, else the end of the file or suite that is being collected. */
export function onEnd(teardown: () => unknown): void {
  const run = async () => {
    await teardown();
  };
  const atEnd = ofThisTest.getStore() ?? onTestFinished;
  try {
    atEnd(run);
  } catch {
    afterAll(run);
  }
}
