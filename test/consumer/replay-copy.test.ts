/** Where a dead letter goes when it is tried anew, and what its message says. */
import { expect, test } from 'vitest';
import { isOwnQueue, replayCopy } from '../../consumer/replay-copy.js';
import type { StoredDeadLetter } from '../../consumer/store/index.js';

const FRAME_MAX = 131_072;

function letter(headers: Record<string, unknown>, changes: Partial<StoredDeadLetter> = {}): StoredDeadLetter {
  const raw = Buffer.from('{}');
  const times = { firstSeen: '', lastSeen: '', seen: 1, attempts: 3, bytes: raw.length };
  const about = { id: '1', service: null, level: null, recordId: null, code: '23514', reason: 'r' };
  return { ...about, ...times, queue: 'shop_info_logs', routingKey: 'failure.backoff', headers, raw, ...changes };
}

test('it goes to the queue that it came from first, whatever its last routing key was', () => {
  expect(replayCopy(letter({}), FRAME_MAX)).toEqual({
    exchange: '',
    routingKey: 'shop_info_logs',
    body: Buffer.from('{}'),
    properties: { contentType: 'application/json', headers: {} },
  });
});

test('its bytes are read as they were, and its attempts begin anew', () => {
  const { properties } = replayCopy(
    letter({
      'x-loghive-content-type': 'application/x-ndjson',
      'x-loghive-content-encoding': 'gzip',
      'x-loghive-timestamp': 1_769_853_600,
      'x-loghive-attempt': 5,
      'x-loghive-origin': 'other',
      'x-loghive-rounds': 2,
      'x-death': [{ count: 7 }],
      'x-first-death-queue': 'q',
      'x-delivery-count': 3,
      CC: ['other'],
      compression: 'application/x-gzip',
      team: { name: 'a', size: 3, since: null },
    }),
    FRAME_MAX,
  );
  expect(properties).toEqual({
    contentType: 'application/x-ndjson',
    contentEncoding: 'gzip',
    timestamp: 1_769_853_600,
    headers: { compression: 'application/x-gzip', team: { name: 'a', size: 3, since: null } },
  });
});

test('what cannot be a property is left out', () => {
  const wrong = {
    'x-loghive-content-type': 7,
    'x-loghive-content-encoding': 'x'.repeat(256),
    'x-loghive-timestamp': -1,
  };
  expect(replayCopy(letter(wrong), FRAME_MAX).properties).toEqual({ contentType: 'application/json', headers: {} });
});

test('headers that do not fit into a frame are left out, but for what says how to read it', () => {
  const { properties } = replayCopy(
    letter({ big: 'x'.repeat(FRAME_MAX), compression: 'application/x-gzip' }),
    FRAME_MAX,
  );
  expect(properties.headers).toEqual({ compression: 'application/x-gzip' });
});

test.each([
  ['shop_info_logs', true],
  ['a.b-c_critical_logs', true],
  ['failure_backoff', true],
  ['loghive_services', true],
  ['orders', false],
  ['shop_fatal_logs', false],
  ['failure_backoff_1000', false],
  ['', false],
])('queue %j is taken from by Loghive: %s', (queue, own) => {
  expect(isOwnQueue(queue)).toBe(own);
});
