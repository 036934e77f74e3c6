import { connect } from 'amqplib';
import { expect, test, vi } from 'vitest';
import { DeadLetterLog } from '../../consumer/dead-letter-log.js';
import { internalLogger } from '../../src/internal-logger.js';
import { onEnd } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';
import { eventually } from '../support/wait.mjs';

function useLog() {
  vi.useFakeTimers();
  onEnd(() => vi.useRealTimers());
  const lines: string[] = [];
  const log = new DeadLetterLog('logs', (sentence) => lines.push(sentence));
  const letters = (count: number, queue: string, reason = 'it is not JSON') =>
    Array.from({ length: count }, () => ({ queue, reason }));
  return { lines, log, letters };
}

test('the first dead letter is logged immediately, and a flood of them in one line every ten seconds', () => {
  const { lines, log, letters } = useLog();
  log.add([]);
  expect(lines).toEqual([]);
  log.add(letters(1, 'shop_info_logs'));
  expect(lines).toEqual([
    '1 dead letter from queue "shop_info_logs", stored in logs.dead_letters. Reason: it is not JSON',
  ]);
  for (let batch = 0; batch < 1000; batch++) log.add(letters(50, 'shop_info_logs', `no ${batch}`));
  expect(lines).toHaveLength(1);
  vi.advanceTimersByTime(10_000);
  expect(lines.slice(1)).toEqual([
    '50000 dead letters from queue "shop_info_logs", stored in logs.dead_letters. Reason of the first one: no 0',
  ]);
  vi.advanceTimersByTime(60_000);
  expect(lines).toHaveLength(2);
});

test('the same line is logged again ten seconds later', () => {
  const { lines, log, letters } = useLog();
  log.add(letters(1, 'shop_info_logs'));
  log.add(letters(1, 'shop_info_logs'));
  vi.advanceTimersByTime(10_000);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toBe(lines[0]);
});

test('only some queues are named, and a long reason is truncated', () => {
  const { lines, log, letters } = useLog();
  log.add(['a', 'b', 'c', 'd', 'e'].flatMap((queue, n) => letters(n + 1, queue, 'x'.repeat(4000))));
  const [line] = lines;
  expect(line).toContain(
    '15 dead letters (1 from queue "a", 2 from queue "b", 3 from queue "c", 9 from others), stored',
  );
  expect(line!.length).toBeLessThan(600);
});

test('dead letters not logged yet are logged at the end', () => {
  const { lines, log, letters } = useLog();
  log.add(letters(1, 'shop_info_logs'));
  log.add(letters(2, 'shop_info_logs'));
  log.end();
  log.end();
  vi.advanceTimersByTime(60_000);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain('2 dead letters from queue "shop_info_logs"');
});

test('a consumer warns about a message that cannot be parsed', async () => {
  const warning = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warning.mockRestore());
  const { broker, consumer, service } = await useStack(1);
  const shop = service();
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createChannel();
  channel.publish('logs_exchange', `${shop}.info`, Buffer.from('not json'));
  await eventually(() => consumer.status().counts.deadLetters === 1);
  expect(warning.mock.calls.flat()).toEqual([
    expect.stringMatching(
      new RegExp(
        `^1 dead letter from queue "${shop}_info_logs", stored in logs\\.dead_letters\\. Reason: it is not JSON`,
      ),
    ),
  ]);
  // It is logged, and does not affect the state of the consumer.
  expect(consumer.status()).toMatchObject({ health: 'ok', notices: [] });
});
