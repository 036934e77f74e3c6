import { describe, expect, test } from 'vitest';
import { hazardOf } from '../../../consumer/intake/queue-hazards.js';

const QUORUM = { 'x-queue-type': 'quorum' };
const hazard = (declared: Record<string, unknown>, version = '3.10.8') => hazardOf('shop_info_logs', declared, version);

describe('a queue that another client declared', () => {
  test.each([
    ['a quorum queue of 3.x', QUORUM, '3.13.7'],
    ['a quorum queue of 4.x without a limit', { ...QUORUM, 'x-delivery-limit': -1 }, '4.3.6'],
    ['a classic queue', {}, '4.3.6'],
    ['a classic queue, on which a delivery limit means nothing', { 'x-delivery-limit': 3 }, '3.10.8'],
    [
      'a limit with a dead-letter exchange',
      { ...QUORUM, 'x-delivery-limit': 5, 'x-dead-letter-exchange': 'dlx' },
      '3.10.8',
    ],
  ])('is no hazard: %s', (_what, declared, version) => {
    expect(hazard(declared, version)).toBeUndefined();
  });

  test('as a stream is refused', () => {
    expect(hazard({ 'x-queue-type': 'stream' })).toEqual({
      kind: 'refuse',
      sentence: expect.stringMatching(
        /^queue "shop_info_logs" is a stream, .*Delete the stream, or use another service name\.$/,
      ),
    });
  });

  test.each([
    [{ ...QUORUM, 'x-delivery-limit': 20 }, '3.10.8', 20],
    [{ ...QUORUM, 'x-delivery-limit': 3 }, '3.10.8', 3],
    [QUORUM, '4.0.5', 20],
  ])('with %j on %s has a delivery limit of %i and no dead-letter exchange', (declared, version, limit) => {
    expect(hazard(declared, version)).toEqual({
      kind: 'degraded',
      sentence: expect.stringContaining(
        `has a delivery limit of ${limit} and no dead-letter exchange: RabbitMQ drops a message that is returned more than ${limit} times`,
      ),
    });
  });

  test.each([
    [2, '3.10.8', 2],
    [1, '4.3.6', 1],
    [0, '3.10.8', 0],
    [-1, '3.10.8', 0],
  ])('with a limit of %i on %s is reported, even with a dead-letter exchange', (set, version, limit) => {
    const declared = { ...QUORUM, 'x-delivery-limit': set, 'x-dead-letter-exchange': 'dlx' };
    expect(hazard(declared, version)).toEqual({
      kind: 'degraded',
      sentence: expect.stringContaining(`has a delivery limit of ${limit}, which is too low`),
    });
  });
});
