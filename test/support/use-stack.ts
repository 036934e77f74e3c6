import type { ConsumerOptions } from '../../consumer/config.js';
import { type LoghiveConsumer, startConsumer } from '../../consumer/index.js';
import { onEnd, type TestBroker, type TestDatabase, uniqueName, useBroker, useDatabase } from './use-servers.js';
import { eventually } from './wait.mjs';

export interface Row {
  id: string;
  ts: string;
  service: string;
  level: string;
  message: string;
  // biome-ignore lint/suspicious/noExplicitAny: depends on what the test logged
  information: any;
}

export interface TestStack {
  broker: TestBroker;
  database: TestDatabase;
  consumer: LoghiveConsumer;
  /** A service of the consumer; each call returns another one. */
  service(): string;
  /** All rows of a service in logging order, once there are `count` of them. */
  rows(service: string, count: number): Promise<Row[]>;
  /**
   * The next `count` rows of a service, once they are stored. For tests that log several times with the same service.
   */
  nextRows(service: string, count: number): Promise<Row[]>;
}

/** A broker, a database and a consumer for `services` services, for one test file or one test. */
export async function useStack(services = 1, options: ConsumerOptions = {}): Promise<TestStack> {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const names = Array.from({ length: services }, () => uniqueName('svc'));
  const consumer = await startConsumer(names, { url: broker.url, databaseUrl: database.url, workers: 0, ...options });
  onEnd(() => consumer.stop());
  let given = 0;
  const taken = new Map<string, number>();
  const stack: TestStack = {
    broker,
    database,
    consumer,
    service() {
      const name = names[given++];
      if (!name) throw new Error(`useStack(${services}): all services are in use, request more`);
      return name;
    },
    async rows(service, count) {
      // Polled by count and read once, because some tests store a megabyte a row.
      await eventually(async () => {
        const [counted] = await database.query<{ rows: number }>(
          'SELECT count(*)::int AS rows FROM logs.records WHERE service = $1',
          [service],
        );
        if ((counted?.rows ?? 0) < count) throw new Error(`${counted?.rows} of ${count} rows`);
      });
      return database.query<Row>(
        "SELECT id, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS ts, service, level, message, information FROM logs.records WHERE service = $1 ORDER BY logs.records.ts, id",
        [service],
      );
    },
    async nextRows(service, count) {
      const from = taken.get(service) ?? 0;
      taken.set(service, from + count);
      return (await stack.rows(service, from + count)).slice(from);
    },
  };
  return stack;
}
