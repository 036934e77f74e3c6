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
  // biome-ignore lint/suspicious/noExplicitAny: whatever the test logged
  information: any;
}

export interface TestStack {
  broker: TestBroker;
  database: TestDatabase;
  consumer: LoghiveConsumer;
  /** A service that the consumer takes; each call gives another one. */
  service(): string;
  /** All rows of a service in the order of the calls, once there are `count` of them. */
  rows(service: string, count: number): Promise<Row[]>;
  /** The next `count` rows of a service, once they are there: for tests that log through it one after the other. */
  nextRows(service: string, count: number): Promise<Row[]>;
}

/** A broker, a database and a consumer of `services` services, for one test file or one test. */
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
      if (!name) throw new Error(`useStack(${services}): no service is left, ask for more`);
      return name;
    },
    async rows(service, count) {
      // Counted until they are there, and read once: some tests store a megabyte a row.
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
