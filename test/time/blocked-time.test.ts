import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { measureBlockedTime } from '../../src/time/blocked-time.js';
import { onEnd } from '../support/use-servers.js';

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

it('counts the time in which the event loop was blocked, also before it runs again', async () => {
  const blocked = measureBlockedTime();
  onEnd(() => blocked.stop());
  block(500);
  expect(blocked.ms).toBeGreaterThan(350);
  await sleep(150);
  block(500);
  expect(blocked.ms).toBeGreaterThan(700);
});
