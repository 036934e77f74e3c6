/** Retries of records that are small in transit and large in UTF-8, on a broker with a low size limit. */
import { gzipSync } from 'node:zlib';
import { type ConfirmChannel, connect } from 'amqplib';
import { describe, expect, test, vi } from 'vitest';
import { startConsumer } from '../../consumer/index.js';
import { internalLogger } from '../../src/internal-logger.js';
import { startDevelopmentBroker } from '../support/development-broker.mjs';
import { startRabbitmq } from '../support/rabbitmq.mjs';
import { onEnd, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const LIMIT = 100_000;
const LARGE = 'x'.repeat(2 * LIMIT);
const FRAME = { contentType: 'application/x-ndjson', contentEncoding: 'gzip' };

const line = (message: string) =>
  JSON.stringify({ service: 'shop', level: 'INFO', message, information: {}, timestamp: new Date().toISOString() });
const frame = (...messages: string[]) => gzipSync(messages.map(line).join('\n'));

/** A consumer that retries once after a short delay, and a table that refuses messages starting with "bad". */
async function useConsumer(url: string) {
  const warning = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warning.mockRestore());
  const database = await useDatabase();
  const consumer = await startConsumer(['shop'], { url, databaseUrl: database.url, retryDelaysMs: [100] });
  onEnd(() => consumer.stop());
  await database.query("alter table logs.records add constraint no_bad check (message not like 'bad%')");
  const connection = await connect(url);
  onEnd(() => connection.close());
  const channel: ConfirmChannel = await connection.createConfirmChannel();
  const send = async (body: Buffer, properties: object) => {
    channel.publish('logs_exchange', 'shop.info', body, { persistent: true, ...properties });
    await channel.waitForConfirms();
  };
  const letters = () =>
    database.query(
      'select code, reason, attempts, seen, length(raw) > 100000 as large from logs.dead_letters order by id',
    );
  const stored = async () =>
    (await database.query('select message from logs.records order by 1')).map(({ message }) => message);
  /**
   * Number of times the broker closed the channel. It is not counted anywhere, but each closing after a success is
   * logged again.
   */
  const closings = () =>
    warning.mock.calls.filter(([sentence]) => sentence.startsWith('the broker refused a message')).length;
  const drained = () => eventually(() => consumer.status().inHand === 0, { withinMs: 15_000 });
  return { database, consumer, send, letters, stored, closings, drained };
}

const servers = {
  RabbitMQ: () => startRabbitmq({ extraConf: `max_message_size = ${LIMIT}` }),
  'the development broker': () => startDevelopmentBroker({ maxMessageBytes: LIMIT }),
};

describe.each(Object.entries(servers))('on %s', async (_name, start) => {
  const { url, stop } = await start();
  onEnd(stop);

  test('a message with one record is retried as delivered, however large it is in UTF-8', async () => {
    const { database, send, letters, stored, closings, drained } = await useConsumer(url);
    const wide = Buffer.from(line(`bad ${'é'.repeat(60_000)}`), 'latin1');
    await send(wide, { contentType: 'application/json; charset=latin1' });
    await send(gzipSync(line(`bad ${LARGE}`)), { contentType: 'application/json', contentEncoding: 'gzip' });
    await send(gzipSync(line(`bad ${LARGE} by kombu`)), { headers: { compression: 'application/x-gzip' } });
    await send(frame(`bad ${LARGE} in a frame`), FRAME);
    await eventually(async () => (await letters()).length === 4, { withinMs: 15_000 });
    await drained();
    for (const letter of await letters()) expect(letter).toMatchObject({ code: '23514', attempts: 2 });
    expect(closings()).toBe(0);

    await database.query('alter table logs.records drop constraint no_bad');
    await send(frame('good'), FRAME);
    await eventually(async () => (await stored()).length === 1);
  });

  test("a record of a frame that exceeds the broker's limit becomes one dead letter, and the others are retried", async () => {
    const { database, consumer, send, letters, stored, closings, drained } = await useConsumer(url);
    await send(frame('good', `bad ${LARGE}`, 'bad', 'good too'), FRAME);
    await send(Buffer.from(line('bad alone')), {});
    const tooLarge = {
      code: 'too_large',
      reason: expect.stringMatching(/larger than configured max size 100000.*no_bad.*23514/s),
      attempts: 1,
      seen: 1,
      large: true,
    };
    const rejected = { code: '23514', attempts: 2, large: false };
    await eventually(async () => (await letters()).length === 3, { withinMs: 15_000 });
    await drained();
    const found = await letters();
    expect(found.filter(({ large }) => large)).toEqual([tooLarge]);
    expect(found.filter(({ large }) => !large)).toMatchObject([rejected, rejected]);
    expect(await stored()).toEqual(['good', 'good too']);
    expect(consumer.status().counts).toMatchObject({ retried: 2, deadLetters: 3 });
    expect(closings()).toBe(1);

    // From now on the limit is known, and no channel is closed.
    await send(frame('good', `bad ${LARGE} again`, 'bad again'), FRAME);
    await eventually(async () => (await letters()).length === 5, { withinMs: 15_000 });
    await drained();
    expect((await letters()).filter(({ large }) => large)).toEqual([tooLarge, tooLarge]);
    expect(closings()).toBe(1);
    expect(await database.query('select sum(seen)::int as n from logs.dead_letters')).toEqual([{ n: 5 }]);
    expect(consumer.status().notices).toEqual([]);
  });
});
