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
  /** URL as guest, with a vhost for this test only. */
  url: string;
  vhost: string;
  host: string;
  port: number;
  /** The server's version, '3.10.8'. */
  version: string;
  /** The shared node: other tests use it at the same time, so never block or stop it. */
  admin: RabbitmqAdmin;
  /** Limited to this test's vhost. */
  listQueues(): Promise<QueueInfo[]>;
  closeConnections(): Promise<number>;
}

export interface TestDatabase {
  /** URL as superuser, with a database for this test only. */
  url: string;
  name: string;
  /** The server's version, '18.4'. */
  version: string;
  // biome-ignore lint/suspicious/noExplicitAny: the columns depend on the query
  query<Row = any>(sql: string, params?: unknown[]): Promise<Row[]>;
}

/** A vhost on the shared RabbitMQ, deleted at the end of the test (if called within one), or of the file. */
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

/** A database on the shared PostgreSQL, dropped at the end of the test (if called within one), or of the file. */
export async function useDatabase(): Promise<TestDatabase> {
  const server = inject('postgres');
  const admin = administerPostgres(server);
  const name = uniqueName('db');
  const url = await admin.createDatabase(name);
  // Tests poll for conditions, so connections are pooled instead of opened for each query.
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {});
  onEnd(async () => {
    await pool.end();
    await admin.dropDatabase(name);
  });
  return { url, name, version: server.version, query: async (sql, params) => (await pool.query(sql, params)).rows };
}

/** A proxy in front of a server, stopped at the end. `url` is its target: a URL with host and port. */
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

/** A unique name for this run: letters, digits and underscores, valid for services and tables. */
export function uniqueName(prefix = 'test'): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}

type AtEnd = (teardown: () => Promise<void>) => void;
const ofThisTest = new AsyncLocalStorage<AtEnd>();

/**
 * Wraps the body of a `test.concurrent`: while several tests run at once, vitest cannot tell to which one `onEnd`
 * belongs.
 */
export function beside<Arguments extends unknown[]>(
  body: (...given: Arguments) => Promise<void>,
): (...given: [...Arguments, { onTestFinished: AtEnd }]) => Promise<void> {
  return (...given) => {
    const context = given.at(-1) as { onTestFinished: AtEnd };
    return ofThisTest.run(context.onTestFinished, () => body(...(given.slice(0, -1) as Arguments)));
  };
}

/** `afterAll` has no effect once a hook runs, so it is called here, before. */
const atEndOfFile: Array<() => Promise<void>> = [];
afterAll(async () => {
  for (const run of atEndOfFile.reverse()) await run();
});

/** Runs a teardown at the end of the current test; outside tests and in `beforeAll`, at the end of the file. */
export function onEnd(teardown: () => unknown): void {
  const run = async () => {
    await teardown();
  };
  const atEnd = ofThisTest.getStore() ?? onTestFinished;
  try {
    atEnd(run);
  } catch {
    atEndOfFile.push(run);
  }
}
