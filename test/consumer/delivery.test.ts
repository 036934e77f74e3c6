import { describe, expect, test } from 'vitest';
import { countHeader, deliveryOf, isDeadly, nextRound, returnsOf } from '../../consumer/delivery.js';
import { messageOf, QUEUE } from './message.js';

describe('a message that was retried', () => {
  test('returns from the failure queue with its attempt and original queue, and is handled alone', () => {
    const headers = { 'x-loghive-attempt': 3, 'x-loghive-origin': 'shop_error_logs' };
    const delivery = deliveryOf('failure_backoff', messageOf('{}', { headers }));
    expect(delivery).toMatchObject({ queue: 'failure_backoff', origin: 'shop_error_logs', attempt: 3, alone: true });
  });

  test.each([
    ['in the failure queue without our headers', {}, 'failure_backoff'],
    ['with an attempt behind it', { 'x-loghive-attempt': 1 }, QUEUE],
    ['republished because it came back too often', { 'x-loghive-rounds': 1 }, QUEUE],
  ])('is handled alone: %s', (_, headers, queue) => {
    expect(deliveryOf(queue, messageOf('{}', { headers })).alone).toBe(true);
  });

  test('is distinguished from a first delivery', () => {
    expect(deliveryOf(QUEUE, messageOf('{}'))).toMatchObject({ origin: QUEUE, tag: 7, attempt: 0, alone: false });
  });

  test.each([-1, 0, 1.5, '3', null, true, Number.NaN, { n: 3 }])(
    'an invalid %j in its header counts as no attempt',
    (value) => {
      expect(countHeader(value)).toBe(0);
      const headers = { 'x-loghive-attempt': value, 'x-loghive-rounds': value, 'x-loghive-origin': value };
      expect(deliveryOf(QUEUE, messageOf('{}', { headers }))).toMatchObject({
        attempt: 0,
        alone: false,
        origin: typeof value === 'string' ? value : QUEUE,
      });
    },
  );
});

describe('the number of redeliveries', () => {
  const returns = (headers?: Record<string, unknown>) => returnsOf(messageOf('{}', headers ? { headers } : {}));

  test('is zero without headers, and on the first delivery', () => {
    expect(returns()).toBe(0);
    expect(returns({})).toBe(0);
  });

  test('is counted by RabbitMQ 3.x in x-delivery-count', () => {
    expect(returns({ 'x-delivery-count': 10 })).toBe(10);
  });

  test('is counted by RabbitMQ 4.x in x-acquired-count if the consumer vanished or requeued the message', () => {
    expect(returns({ 'x-acquired-count': 10 })).toBe(10);
    expect(returns({ 'x-delivery-count': 2, 'x-acquired-count': 10 })).toBe(10);
    expect(returns({ 'x-delivery-count': 10, 'x-acquired-count': 2 })).toBe(10);
  });
});

describe('a message that is republished because it was returned often', () => {
  const NOW_MS = Date.UTC(2026, 0, 31);
  const HOUR_S = 3600;
  const republished = (rounds: number, firstAgoS: number) =>
    messageOf('{}', {
      headers: { 'x-loghive-rounds': rounds, 'x-loghive-first-round': NOW_MS / 1000 - firstAgoS },
    });

  test('counts its rounds, and keeps the time of the first one', () => {
    expect(nextRound(messageOf('{}'), NOW_MS)).toEqual({
      'x-loghive-rounds': 1,
      'x-loghive-first-round': NOW_MS / 1000,
    });
    expect(nextRound(republished(3, 60), NOW_MS)).toEqual({
      'x-loghive-rounds': 4,
      'x-loghive-first-round': NOW_MS / 1000 - 60,
    });
  });

  test('is not parsed any more after twenty rounds within three hours', () => {
    expect(isDeadly(republished(19, HOUR_S), NOW_MS)).toBe(false);
    expect(isDeadly(republished(20, HOUR_S), NOW_MS)).toBe(true);
  });

  test('is counted anew after three hours: while PostgreSQL is down messages are returned every ten minutes', () => {
    expect(isDeadly(republished(20, 4 * HOUR_S), NOW_MS)).toBe(false);
    expect(nextRound(republished(20, 4 * HOUR_S), NOW_MS)).toMatchObject({ 'x-loghive-rounds': 1 });
  });

  test('is parsed if only another program has written that it was returned often', () => {
    expect(isDeadly(messageOf('{}', { headers: { 'x-loghive-rounds': 99 } }), NOW_MS)).toBe(false);
  });
});
