import { expect, test } from 'vitest';
import { whyNotInstall } from './install-package.mjs';

test('LOGHIVE_TEST_INSTALL=0 forbids installing anything', () => {
  expect(whyNotInstall({ LOGHIVE_TEST_INSTALL: '0' })).toMatch(/LOGHIVE_TEST_INSTALL=0/);
});
