import { describe, expect, test } from 'vitest';
import { LEVELS } from '../src/level.js';
import {
  ATTEMPT_HEADER,
  delayQueue,
  FAILURE_EXCHANGE,
  FAILURE_KEY,
  FAILURE_QUEUE,
  FIRST_ROUND_HEADER,
  failureQueue,
  LOGS_EXCHANGE,
  logQueue,
  logQueues,
  majorVersion,
  ORIGIN_HEADER,
  type QueueSettings,
  queueName,
  ROUNDS_HEADER,
  routingKey,
  SERVICE_NAME,
} from '../src/wire.js';

const quorum: QueueSettings = { type: 'quorum', maxLength: 1_000_000, maxBytes: 2 ** 30, messageTtlMs: 604_800_000 };
const classic: QueueSettings = { ...quorum, type: 'classic' };
const python: QueueSettings = { ...quorum, type: 'python' };

// Versions that servers have reported.
const three = ['3.10.8', '3.11.28', '3.13.7', '3.14.0-rc.1'];
const four = ['4.0.0', '4.0.9', '4.1.4', '4.2.0-beta.3', '5.0.0', '10.2'];

describe('names, shared by all clients', () => {
  test('exchanges and the failure queue', () => {
    expect(LOGS_EXCHANGE).toBe('logs_exchange');
    expect([FAILURE_EXCHANGE, FAILURE_QUEUE, FAILURE_KEY]).toEqual([
      'failure_backoff',
      'failure_backoff',
      'failure.backoff',
    ]);
  });

  test('headers of republished messages', () => {
    expect([ATTEMPT_HEADER, ORIGIN_HEADER, ROUNDS_HEADER, FIRST_ROUND_HEADER]).toEqual([
      'x-loghive-attempt',
      'x-loghive-origin',
      'x-loghive-rounds',
      'x-loghive-first-round',
    ]);
  });

  test('a routing key is the service and the level in lower case', () => {
    expect(LEVELS.map((level) => routingKey('shop', level))).toEqual([
      'shop.debug',
      'shop.info',
      'shop.warning',
      'shop.error',
      'shop.critical',
    ]);
  });

  test('a queue is named after service and level', () => {
    expect(LEVELS.map((level) => queueName('shop', level))).toEqual([
      'shop_debug_logs',
      'shop_info_logs',
      'shop_warning_logs',
      'shop_error_logs',
      'shop_critical_logs',
    ]);
  });

  test('a service keeps its case, dots and hyphens in both', () => {
    expect(routingKey('Shop.eu-1', 'INFO')).toBe('Shop.eu-1.info');
    expect(queueName('Shop.eu-1', 'INFO')).toBe('Shop.eu-1_info_logs');
  });

  test.each(['a', '7', 'shop', 'Shop.eu-1_x', 'x'.repeat(200)])('%j is a valid service name', (name) => {
    expect(name).toMatch(SERVICE_NAME);
  });

  test.each(['', '.shop', '-shop', '_shop', 'sh op', 'shop#', 'shop*', 'café', 'shop\n', 'x'.repeat(201)])(
    '%j may not',
    (name) => {
      expect(name).not.toMatch(SERVICE_NAME);
    },
  );

  test('the longest name still fits into an AMQP short string of 255 bytes', () => {
    const service = 'x'.repeat(200);
    for (const level of LEVELS) {
      expect(Buffer.byteLength(queueName(service, level))).toBeLessThanOrEqual(255);
      expect(Buffer.byteLength(routingKey(service, level))).toBeLessThanOrEqual(255);
    }
  });
});

describe('a log queue', () => {
  test.each(three)(
    'on RabbitMQ %s is declared without a delivery limit, which would lose messages there',
    (version) => {
      expect(logQueue('shop', 'WARNING', quorum, version)).toEqual({
        queue: 'shop_warning_logs',
        exchange: 'logs_exchange',
        routingKey: 'shop.warning',
        arguments: {
          'x-message-ttl': 604_800_000,
          'x-max-length': 1_000_000,
          'x-max-length-bytes': 1_073_741_824,
          'x-overflow': 'reject-publish',
          'x-queue-type': 'quorum',
        },
      });
    },
  );

  test.each(four)('on RabbitMQ %s has its delivery limit disabled, which would lose messages there', (version) => {
    expect(logQueue('shop', 'INFO', quorum, version).arguments).toEqual({
      'x-message-ttl': 604_800_000,
      'x-max-length': 1_000_000,
      'x-max-length-bytes': 1_073_741_824,
      'x-overflow': 'reject-publish',
      'x-queue-type': 'quorum',
      'x-delivery-limit': -1,
    });
  });

  test.each([...three, ...four])('of type classic has no delivery limit, on %s', (version) => {
    expect(logQueue('shop', 'INFO', classic, version).arguments).toEqual({
      'x-message-ttl': 604_800_000,
      'x-max-length': 1_000_000,
      'x-max-length-bytes': 1_073_741_824,
      'x-overflow': 'reject-publish',
    });
  });

  test.each([...three, ...four])(
    'of the Python kind has exactly the two arguments of that package, on %s',
    (version) => {
      expect(logQueue('shop', 'INFO', python, version).arguments).toEqual({
        'x-message-ttl': 604_800_000,
        'x-max-length': 1_000_000,
      });
    },
  );

  test('has the configured limits', () => {
    const small: QueueSettings = { type: 'quorum', maxLength: 5, maxBytes: 2_000_000, messageTtlMs: 60_000 };
    expect(logQueue('shop', 'INFO', small, '3.10.8').arguments).toMatchObject({
      'x-message-ttl': 60_000,
      'x-max-length': 5,
      'x-max-length-bytes': 2_000_000,
    });
  });

  test('exists once for each level of a service', () => {
    const declared = logQueues('shop', quorum, '4.1.0');
    expect(declared).toEqual(LEVELS.map((level) => logQueue('shop', level, quorum, '4.1.0')));
    expect(declared.map(({ queue }) => queue)).toHaveLength(5);
  });
});

describe('a delay queue', () => {
  const shared = {
    'x-message-ttl': 10_000,
    'x-overflow': 'reject-publish',
    'x-dead-letter-exchange': 'failure_backoff',
    'x-dead-letter-routing-key': 'failure.backoff',
  };

  test.each(three)('dead-letters at least once, on RabbitMQ %s', (version) => {
    expect(delayQueue(10_000, 'quorum', version)).toEqual({
      queue: 'failure_backoff_10000',
      exchange: 'failure_backoff',
      routingKey: 'failure.backoff.10000',
      arguments: { ...shared, 'x-queue-type': 'quorum', 'x-dead-letter-strategy': 'at-least-once' },
    });
  });

  test.each(four)('has no delivery limit either, on RabbitMQ %s', (version) => {
    expect(delayQueue(10_000, 'quorum', version).arguments).toEqual({
      ...shared,
      'x-queue-type': 'quorum',
      'x-dead-letter-strategy': 'at-least-once',
      'x-delivery-limit': -1,
    });
  });

  test.each(['classic', 'python'] as const)('with queueType %s has no arguments of quorum queues', (type) => {
    expect(delayQueue(10_000, type, '4.1.0').arguments).toEqual(shared);
  });
});

describe('the queue that retries come back to', () => {
  const place = { queue: 'failure_backoff', exchange: 'failure_backoff', routingKey: 'failure.backoff' };

  test.each(three)(
    'has no TTL and no length, so that nothing is lost while nobody reads, on RabbitMQ %s',
    (version) => {
      expect(failureQueue('quorum', quorum, version)).toEqual({
        ...place,
        arguments: { 'x-overflow': 'reject-publish', 'x-queue-type': 'quorum' },
      });
    },
  );

  test.each(four)('has no delivery limit either, on RabbitMQ %s', (version) => {
    expect(failureQueue('quorum', quorum, version)).toEqual({
      ...place,
      arguments: { 'x-overflow': 'reject-publish', 'x-queue-type': 'quorum', 'x-delivery-limit': -1 },
    });
  });

  test('of type classic', () => {
    expect(failureQueue('classic', classic, '4.1.0')).toEqual({
      ...place,
      arguments: { 'x-overflow': 'reject-publish' },
    });
  });

  test('is declared as in the Python package if both are used', () => {
    expect(failureQueue('python', python, '4.1.0')).toEqual({
      ...place,
      arguments: { 'x-message-ttl': 604_800_000, 'x-max-length': 1_000_000 },
    });
  });
});

test('a server without a version counts as 3.x, where -1 would lose messages immediately', () => {
  for (const version of ['', 'unknown', 'v4']) {
    expect(majorVersion(version)).toBe(0);
    expect(logQueue('shop', 'INFO', quorum, version).arguments).not.toHaveProperty('x-delivery-limit');
  }
  expect([...three, ...four].map(majorVersion)).toEqual([3, 3, 3, 3, 4, 4, 4, 4, 5, 10]);
});
