/** Loghive on the development broker: topology, publishing, storing, retries. */
import { expect, test } from 'vitest';
import { startConsumer } from '../../../../consumer/index.js';
import { LoghiveTransport } from '../../../../transports/winston.js';
import { onEnd, uniqueName, useDatabase } from '../../../support/use-servers.js';
import { eventually } from '../../../support/wait.mjs';
import { useChannel, useDevelopmentBroker } from './use-development-broker.js';

const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'];

test('logged records are stored in PostgreSQL, and the queues are empty', async () => {
  const [broker, database] = await Promise.all([useDevelopmentBroker(), useDatabase()]);
  const service = uniqueName('shop');
  const transport = new LoghiveTransport({ service, url: broker.url });
  onEnd(() => transport.close());
  for (let n = 0; n < 1000; n++) transport.log({ level: 'info', message: 'hello', n }, () => {});
  await transport.flush();
  expect(transport.stats()).toMatchObject({ confirmed: 1000, retries: 0, dropped: {} });

  const consumer = await startConsumer([service], { url: broker.url, databaseUrl: database.url });
  onEnd(() => consumer.stop());
  await eventually(() => expect(consumer.status().counts).toMatchObject({ stored: 1000, duplicates: 0 }));
  await eventually(() => {
    const queues = broker.listQueues();
    expect(queues.map(({ name }) => name)).toEqual(
      expect.arrayContaining(LEVELS.map((level) => `${service}_${level}_logs`)),
    );
    expect(queues.filter(({ messages }) => messages > 0)).toEqual([]);
    expect(queues.filter(({ type }) => type !== 'quorum').map(({ name }) => name)).toEqual(['loghive_services']);
  });
});

test('a record that PostgreSQL refuses temporarily is retried through a delay queue and stored', async () => {
  const [broker, database] = await Promise.all([useDevelopmentBroker(), useDatabase()]);
  const service = uniqueName('shop');
  const options = { url: broker.url, databaseUrl: database.url, retryDelaysMs: [200, 200, 200] };
  const consumer = await startConsumer([service], options);
  onEnd(() => consumer.stop());
  await database.query("alter table logs.records add constraint no_spam check (message <> 'spam')");

  const transport = new LoghiveTransport({ service, url: broker.url });
  onEnd(() => transport.close());
  for (const message of ['ham', 'spam']) transport.log({ level: 'info', message }, () => {});
  await transport.flush();
  await eventually(() => expect(consumer.status().counts).toMatchObject({ stored: 1, deadLetters: 1 }));
  // The last acknowledgement may still be in flight.
  await eventually(() => expect(broker.listQueues().filter(({ messages }) => messages > 0)).toEqual([]));
  expect(broker.listQueues().map(({ name }) => name)).toEqual(
    expect.arrayContaining(['failure_backoff', 'failure_backoff_200']),
  );
});

test('a logger waits while the broker is blocked, and across its restart', async () => {
  const broker = await useDevelopmentBroker();
  const service = uniqueName('shop');
  const transport = new LoghiveTransport({ service, url: broker.url });
  onEnd(() => transport.close());
  transport.on('warning', () => {});
  transport.log({ level: 'info', message: 'before' }, () => {});
  await transport.flush();
  broker.block();
  transport.log({ level: 'info', message: 'during' }, () => {});
  await eventually(() => expect(broker.listConnections()).toMatchObject([{ state: 'blocked' }]));
  broker.unblock();
  await transport.flush();

  await broker.stop();
  transport.log({ level: 'info', message: 'away' }, () => {});
  const next = await useDevelopmentBroker({ port: broker.port });
  await transport.flush();
  const channel = await useChannel(next.url);
  await eventually(async () =>
    expect(await channel.checkQueue(`${service}_info_logs`)).toMatchObject({ messageCount: 1 }),
  );
});
