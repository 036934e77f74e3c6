import { expect, test } from 'vitest';
import { decodeAnnouncement, encodeAnnouncement } from '../src/announcement.js';

test('an announcement is decoded as it was encoded', () => {
  expect(encodeAnnouncement('shop').toString()).toBe('{"service":"shop"}');
  expect(decodeAnnouncement(encodeAnnouncement('shop-2.eu_west'))).toEqual({ ok: true, service: 'shop-2.eu_west' });
});

test('fields of later versions are ignored', () => {
  expect(decodeAnnouncement(Buffer.from('{"service":"shop","version":2}'))).toEqual({ ok: true, service: 'shop' });
});

test.each([
  ['', 'not JSON'],
  ['{"service":', 'not JSON'],
  ['null', 'without a valid service name'],
  ['"shop"', 'without a valid service name'],
  ['["shop"]', 'without a valid service name'],
  ['{}', 'without a valid service name'],
  ['{"service":7}', 'without a valid service name'],
  ['{"service":""}', 'without a valid service name'],
  ['{"service":"a shop"}', 'without a valid service name'],
  ['{"service":"shop\\u0000"}', 'without a valid service name'],
  [`{"service":"${'x'.repeat(201)}"}`, 'without a valid service name'],
])('%s is refused: %s', (content, reason) => {
  expect(decodeAnnouncement(Buffer.from(content))).toEqual({ ok: false, reason: expect.stringContaining(reason) });
});

test('bytes that are not UTF-8 are rejected', () => {
  const content = Buffer.from([...Buffer.from('{"service":"'), 0xff, ...Buffer.from('"}')]);
  expect(decodeAnnouncement(content)).toEqual({ ok: false, reason: 'it is not valid UTF-8' });
});
