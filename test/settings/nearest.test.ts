import { expect, test } from 'vitest';
import { nearest } from '../../src/settings/nearest.js';

const known = ['lingerMs', 'queueType', 'queueMaxSize', 'url'];

test.each<[string, string | undefined]>([
  ['lingerms', 'lingerMs'],
  ['ligerMs', 'lingerMs'],
  ['lingerSeconds', 'lingerMs'],
  ['queueMaxsize', 'queueMaxSize'],
  ['queueTyp', 'queueType'],
  ['uri', 'url'],
  ['', undefined],
  ['host', undefined],
])('the known name nearest to %j is %s', (name, meant) => {
  expect(nearest(name, known)).toBe(meant);
});
