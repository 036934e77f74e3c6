import { expect, test } from 'vitest';
import { whyNotInstall } from './install-package.mjs';

test('LOGHIVE_TEST_INSTALL=0 disables all installation', () => {
  expect(whyNotInstall({ LOGHIVE_TEST_INSTALL: '0' })).toMatch(/LOGHIVE_TEST_INSTALL=0/);
});
