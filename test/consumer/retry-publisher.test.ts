/** Messages whose retry cannot be published. */
import { connect } from 'amqplib';
import { expect, test, vi } from 'vitest';
import { type ConsumerHooks, createConsumer } from '../../consumer/index.js';
import type { IntakeChannel } from '../../consumer/intake/intake-channel.js';
import type { Republisher } from '../../consumer/republish.js';
import { type PendingCopy, RetryPublisher } from '../../consumer/retry-publisher.js';
import type { DeadLetter } from '../../consumer/store/index.js';
import type { PublishOutcome } from '../../src/amqp/publish-channel.js';
import { internalLogger } from '../../src/internal-logger.js';
import { onEnd, uniqueName, useBroker, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const letter = () => ({}) as DeadLetter;

/** A consumer whose user may not create the retry queues, and a table that refuses the message "bad". */
async function useRefused(hooks: ConsumerHooks = {}) {
  const warning = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warning.mockRestore());
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const user = uniqueName('user');
  const rights = { vhost: broker.vhost, configure: '^(shop_.*|logs_exchange|loghive_services)$' };
  const url = await broker.admin.addUser(user, 'pw', rights);
  onEnd(() => broker.admin.deleteUser(user));
  const consumer = createConsumer(['shop'], { url, databaseUrl: database.url, hooks });
  onEnd(() => consumer.stop());
  await consumer.start();
  await database.query("alter table logs.records add constraint no_bad check (message <> 'bad')");
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const send = async (...messages: string[]) => {
    for (const message of messages) {
      const record = { service: 'shop', level: 'INFO', message, information: {}, timestamp: new Date().toISOString() };
      channel.publish('logs_exchange', 'shop.info', Buffer.from(JSON.stringify(record)), { persistent: true });
    }
    await channel.waitForConfirms();
  };
  const stored = async () => (await database.query('select count(*)::int as n from logs.records'))[0].n;
  /** The administrator creates what the consumer may not. */
  const repair = async () => {
    await channel.assertExchange('failure_backoff', 'direct');
    await channel.assertQueue('failure_backoff_1000');
    await channel.bindQueue('failure_backoff_1000', 'failure_backoff', 'failure.backoff.1000');
  };
  return { consumer, send, stored, repair };
}

test('retries are published as soon as the broker accepts messages, not after the pause', async () => {
  vi.useFakeTimers();
  onEnd(() => vi.useRealTimers());
  const log: string[] = [];
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const republisher = { isReady: false, whenReady: () => opened } as unknown as Republisher;
  const retryPublisher = new RetryPublisher({ republisher, signal: new AbortController().signal, onWaiting: () => {} });
  const channel = { isEnded: false } as IntakeChannel;
  const publish = async () => {
    log.push('published');
    return 'confirmed' as const;
  };
  const finished = retryPublisher.publish(channel, 7, [{ publish, letter }]);
  await vi.advanceTimersByTimeAsync(0);
  expect(log).toEqual([]);
  (republisher as { isReady: boolean }).isReady = true;
  open();
  expect(await finished).toEqual([]);
  expect(log).toEqual(['published']);
});

test('a message over which the broker repeatedly closes the channel affects other retries only once', async () => {
  vi.useFakeTimers();
  onEnd(() => vi.useRealTimers());
  const abort = new AbortController();
  const republisher = { isReady: true, whenReady: async () => {} } as unknown as Republisher;
  const retryPublisher = new RetryPublisher({ republisher, signal: abort.signal, onWaiting: () => {} });
  const channel = { isEnded: false } as IntakeChannel;

  /** Copies in flight on the channel. The answer to the offending one arrives before any other. */
  const inFlight = new Set<(outcome: PublishOutcome) => void>();
  const lost: string[] = [];
  const copyOf = (name: string): PendingCopy => ({
    letter,
    publish: () =>
      new Promise((resolve) => {
        const settle = (outcome: PublishOutcome) => {
          inFlight.delete(settle);
          if (outcome === 'lost') lost.push(name);
          resolve(outcome);
        };
        inFlight.add(settle);
        const answer = () => inFlight.has(settle) && settle('confirmed');
        const end = () => inFlight.has(settle) && [...inFlight].map((each) => each('lost'));
        setTimeout(name === 'guilty' ? end : answer, name === 'guilty' ? 10 : 20);
      }),
  });
  const publish = (...names: string[]) => retryPublisher.publish(channel, 1, names.map(copyOf));

  const ended = vi.fn();
  const guilty = publish('of the same message', 'guilty').finally(ended);
  const innocent = Promise.all([publish('a'), publish('b', 'c')]);
  await vi.advanceTimersByTimeAsync(60_000);
  const late = Promise.all([publish('d'), publish('e')]);
  await vi.advanceTimersByTimeAsync(60_000);

  expect(await innocent).toEqual([[], []]);
  expect(await late).toEqual([[], []]);
  expect(lost.filter((name) => name !== 'guilty').sort()).toEqual(['a', 'b', 'c', 'of the same message']);
  expect(lost.filter((name) => name === 'guilty').length).toBeGreaterThan(3);
  expect(ended).not.toHaveBeenCalled();
  abort.abort();
  expect(await guilty).toBeUndefined();
});

const waitingNotice = /^1 message waits unacknowledged because retries cannot be published: .*failure_backoff/;

test('waiting retries block nothing behind them, and are reported in health and once in the log', async () => {
  const { consumer, send, stored } = await useRefused();
  await send('bad', ...Array.from({ length: 20 }, (_, n) => `good ${n}`));
  await eventually(async () => (await stored()) === 20);
  await eventually(() => consumer.status().notices.some((notice) => waitingNotice.test(notice)));
  expect(consumer.status()).toMatchObject({ health: 'degraded', publishing: { state: 'ready' }, inHand: 1 });
  expect(consumer.status().counts.retried).toBe(0);
  const warnings = vi.mocked(internalLogger.warning).mock.calls.filter(([line]) => /^retries cannot be/.test(line));
  expect(warnings).toHaveLength(1);
});

test('waiting retries are requeued before the broker closes the channel over them, and published later', async () => {
  const { consumer, send, repair } = await useRefused({ requeueAfterMs: 100 });
  await send('bad');
  await eventually(() => consumer.status().counts.redelivered >= 2);
  expect(consumer.status().inHand).toBeLessThanOrEqual(1);
  await repair();
  await eventually(() => consumer.status().counts.retried === 1);
  await eventually(() => !consumer.status().notices.some((notice) => waitingNotice.test(notice)));
  expect(consumer.status()).toMatchObject({ inHand: 0 });
});

test('many waiting retries cause no listener warning of Node', async () => {
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => warnings.push(name);
  process.on('warning', onWarning);
  onEnd(() => process.off('warning', onWarning));
  const { consumer, send } = await useRefused();
  await send(...Array.from({ length: 15 }, () => 'bad'));
  await eventually(() => consumer.status().notices.some((notice) => notice.startsWith('15 messages wait')));
  expect(warnings).toEqual([]);
});
