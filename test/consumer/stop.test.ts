/** A consumer that is stopped while messages arrive: records that it has stored are not requeued. */
import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { createConsumer } from '../../consumer/index.js';
import { onEnd, useBroker, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

async function useServers() {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const connection = await connect(broker.url);
  onEnd(() => connection.close().catch(() => {}));
  const channel = await connection.createConfirmChannel();
  let sent = 0;
  /** Records without an id: only the acknowledgement prevents them from being stored again. */
  function send(count: number) {
    for (let n = 0; n < count; n++) {
      const record = { service: 'shop', level: 'INFO', message: `m${sent++}`, timestamp: new Date().toISOString() };
      channel.publish('logs_exchange', 'shop.info', Buffer.from(JSON.stringify(record)), { persistent: true });
    }
    return channel.waitForConfirms();
  }
  async function useConsumer() {
    const consumer = createConsumer(['shop'], { url: broker.url, databaseUrl: database.url });
    onEnd(() => consumer.stop());
    await consumer.start();
    return consumer;
  }
  const stored = async () =>
    (await database.query('select count(*)::int as n, count(distinct message)::int as different from logs.records'))[0];
  return { send, sent: () => sent, useConsumer, stored };
}

test('records stored while the consumer is stopped under load are not requeued, and so not stored again', async () => {
  const { send, sent, useConsumer, stored } = await useServers();
  let consumer = await useConsumer();
  let publishing = true;
  const published = (async () => {
    while (publishing) await send(5);
  })();
  for (let stop = 0; stop < 6; stop++) {
    const before = consumer.status().counts.stored;
    await eventually(() => consumer.status().counts.stored > before + 200);
    await consumer.stop();
    consumer = await useConsumer();
  }
  publishing = false;
  await published;
  await eventually(async () => (await stored()).different === sent());
  expect(await stored()).toEqual({ n: sent(), different: sent() });
}, 60_000);
