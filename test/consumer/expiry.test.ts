/** Records that have expired when they arrive. */
import { connect } from 'amqplib';
import { expect, test, vi } from 'vitest';
import { expiredAt } from '../../consumer/store/index.js';
import { internalLogger } from '../../src/internal-logger.js';
import { LEVELS } from '../../src/level.js';
import { onEnd } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';
import { eventually } from '../support/wait.mjs';

const DAY_MS = 86_400_000;
const noon = Date.parse('2026-03-01T12:00:00Z');

test('a record is kept on its day (UTC) and for the number of days after it, to the microsecond', () => {
  const isExpired = expiredAt(noon, { days: 30, levels: { DEBUG: 1, INFO: 0 } });
  const expired = (timestamp: string) => LEVELS.filter((level) => isExpired({ level, timestamp }));
  expect(expired('2026-03-01T00:00:00.000000Z')).toEqual([]);
  expect(expired('2026-02-28T23:59:59.999999Z')).toEqual(['INFO']);
  expect(expired('2026-02-28T00:00:00.000000Z')).toEqual(['INFO']);
  expect(expired('2026-02-27T23:59:59.999999Z')).toEqual(['DEBUG', 'INFO']);
  expect(expired('2026-01-30T00:00:00.000000Z')).toEqual(['DEBUG', 'INFO']);
  for (const old of ['2026-01-29T23:59:59.999999Z', '1970-01-01T00:00:00.000000Z', '0001-01-01T00:00:00.000000Z']) {
    expect(expired(old)).toEqual(LEVELS);
  }
  for (const ahead of ['2026-03-02T00:00:00.000000Z', '2026-03-09T00:00:00.000000Z', '2262-04-11T23:47:16.000000Z']) {
    expect(expired(ahead)).toEqual([]);
  }
});

test('levels may expire while others are kept forever; without retention, even the year 1 is kept', () => {
  const isExpired = expiredAt(noon, { days: undefined, levels: { DEBUG: 1 } });
  expect(LEVELS.filter((level) => isExpired({ level, timestamp: '0001-01-01T00:00:00.000000Z' }))).toEqual(['DEBUG']);
  const keepsAll = expiredAt(noon, { days: undefined, levels: {} });
  expect(LEVELS.filter((level) => keepsAll({ level, timestamp: '0001-01-01T00:00:00.000000Z' }))).toEqual([]);
});

test('a consumer counts records that are too old as expired, acknowledges them and stores the rest of the message', async () => {
  const warning = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warning.mockRestore());
  const stack = await useStack(1, { retentionDays: 40, retentionDaysDebug: 2 });
  const { broker, database, consumer } = stack;
  const service = stack.service();
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const at = (offset: number) => new Date(Date.now() + offset * DAY_MS).toISOString();
  const send = async (level: string, ...timestamps: string[]) => {
    const lines = timestamps.map((timestamp) => JSON.stringify({ service, level, message: 'm', timestamp }));
    channel.publish('logs_exchange', `${service}.${level.toLowerCase()}`, Buffer.from(lines.join('\n')), {
      contentType: 'application/x-ndjson',
    });
    await channel.waitForConfirms();
  };
  const old = ['0001-01-01T00:00:00Z', '1970-01-01T00:00:00Z', at(-42)];
  await send('INFO', ...old);
  await eventually(() => consumer.status().counts.expired === 3);
  await send('ERROR', ...old, at(-39), at(0), at(1), at(8), '2262-04-11T23:47:16Z');
  await send('DEBUG', at(-4), at(-1));
  await eventually(() => consumer.status().counts.stored === 6);
  expect(consumer.status()).toMatchObject({ state: 'running', counts: { expired: 7, deadLetters: 0, duplicates: 0 } });
  await eventually(async () => (await broker.listQueues()).every(({ messages }) => messages === 0));
  // A day within the retention period has a partition, even more than thirty days back.
  const places = await database.query(`select tableoid::regclass::text as place, count(*)::int as n
    from logs.records group by 1 order by n desc, 1`);
  expect(places).toEqual([
    { place: 'logs.records_default', n: 2 },
    ...[-39, -1, 0, 1].map((offset) => ({
      place: `logs.records_${at(offset).slice(0, 10).replaceAll('-', '')}`,
      n: 1,
    })),
  ]);
  const lines = warning.mock.calls.flat().filter((sentence) => sentence.includes('RETENTION_DAYS'));
  expect(lines).toHaveLength(1);
});
