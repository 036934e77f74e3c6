/** Names that were given to a consumer and that nobody has announced. */
import { expect, test, vi } from 'vitest';
import { Discovery } from '../../consumer/discovery.js';
import { unannounced } from '../../consumer/unannounced.js';
import { internalLogger } from '../../src/internal-logger.js';
import { StatusLog } from '../../src/status-log.js';
import { onEnd } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { newStore } from './store/database.js';

test('all that are known are not told, and those that may be misspelt come first', () => {
  expect(unannounced(['shop'], ['shop', 'till'])).toBeUndefined();
  expect(unannounced(['billing', 'shpo'], ['shop', 'till'])).toEqual({
    sentence: expect.stringMatching(/^no producer has announced shpo \(did you mean shop\?\), billing\. Clients that/),
    isLikelyWrong: true,
  });
  expect(unannounced(['billing'], [])).toEqual({
    sentence: expect.stringMatching(/^no producer has announced billing\. /),
    isLikelyWrong: false,
  });
  const many = Array.from({ length: 7 }, (_, n) => `s${n}`);
  expect(unannounced(many, [])?.sentence).toContain('announced s0, s1, s2, s3, s4, 2 others. ');
});

test('a consumer tells of them once, after those that announce themselves had time to', async () => {
  const warning = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warning.mockRestore());
  const { store } = await newStore();
  const abort = new AbortController();
  onEnd(() => abort.abort());
  const discovery = new Discovery({
    services: ['shpo', 'till'],
    maxServices: 10,
    store,
    notices: new StatusLog(),
    onFound: () => {},
    announcedWithinMs: 1500,
    signal: abort.signal,
  });
  await discovery.begin();
  let running = false;
  const watching = discovery.watch(() => running);
  await store.saveServices(['shop', 'till']);
  running = true;
  await eventually(() => warning.mock.calls.length > 0);
  await watching;
  expect(warning.mock.calls.flat()).toEqual([
    expect.stringMatching(/^no producer has announced shpo \(did you mean shop\?\)\. Clients/),
  ]);
});
