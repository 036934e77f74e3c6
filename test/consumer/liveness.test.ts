import { expect, test } from 'vitest';
import { Liveness } from '../../consumer/liveness.js';

/** Ticks each second, busy for a hundredth of it. */
function useLiveness() {
  const liveness = new Liveness();
  let nowMs = 0;
  function ticks(count: number, everyMs = 1000, activeMs = 10) {
    for (let n = 0; n < count; n++) {
      nowMs += everyMs;
      liveness.tick(nowMs, activeMs);
    }
  }
  ticks(1);
  return { ticks, faults: () => liveness.faults(nowMs) };
}

const HEALTHY = { eventLoop: undefined };

test('a running event loop is healthy, however busy', () => {
  const { ticks, faults } = useLiveness();
  ticks(100, 1000, 999);
  ticks(50, 4900, 4900);
  expect(faults()).toEqual(HEALTHY);
});

test('an event loop that was blocked for half of the last minute is unhealthy until that is past', () => {
  const { ticks, faults } = useLiveness();
  ticks(1, 20_000, 20_000);
  expect(faults()).toEqual(HEALTHY);
  ticks(1, 12_000, 11_990);
  expect(faults().eventLoop).toBe('the event loop was blocked for 32 s of the last minute');
  ticks(29);
  expect(faults().eventLoop).toMatch(/was blocked for 31 s/);
  ticks(3);
  expect(faults()).toEqual(HEALTHY);
});

test('a suspended process or machine does not count as a blocked event loop', () => {
  const { ticks, faults } = useLiveness();
  ticks(1, 3_600_000, 20);
  expect(faults()).toEqual(HEALTHY);
});
