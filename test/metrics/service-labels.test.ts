import { expect, test } from 'vitest';
import { OTHER_SERVICE, ServiceLabels } from '../../src/metrics/service-labels.js';

test('the first services get their own labels and keep them; all others share one', () => {
  const labels = new ServiceLabels(2);
  expect(['shop', 'till', 'bank', 'shop', 'till'].map((service) => labels.of(service))).toEqual([
    'shop',
    'till',
    OTHER_SERVICE,
    'shop',
    'till',
  ]);
});

test.each(['', 'a b', 'x"} 1\nfake 2', 'ä', '-x', 'a'.repeat(201), 'constructor\u0000'])(
  'an invalid service name is counted under the shared label: %j',
  (service) => {
    expect(new ServiceLabels(10).of(service)).toBe(OTHER_SERVICE);
  },
);

test('a service with the name of the shared label is counted under it', () => {
  const labels = new ServiceLabels(1);
  expect(labels.of('other')).toBe('other');
  expect(labels.of('shop')).toBe('shop');
});
