import { expect, test } from 'vitest';
import { settingsKey } from '../../src/settings/settings-key.js';

test('settings are equal by their values, functions by identity', () => {
  const one = () => {};
  const other = () => {};
  expect(settingsKey({ a: [1, { b: one }] })).toBe(settingsKey({ a: [1, { b: one }] }));
  expect(settingsKey({ a: one })).not.toBe(settingsKey({ a: other }));
  expect(settingsKey({ a: 1 })).not.toBe(settingsKey({ a: 2 }));
  expect(settingsKey({ a: undefined })).toBe(settingsKey({}));
});
