import { describe, expect, test } from 'vitest';
import { createClock } from '../../src/time/clock.js';

/** A wall clock with whole milliseconds and a monotonic clock, both adjustable. */
function clockworks(startMs: number) {
  let wall = startMs;
  let monotonic = 1000;
  return {
    clock: createClock({ wallMs: () => Math.floor(wall), monotonicMs: () => monotonic }),
    pass(ms: number) {
      wall += ms;
      monotonic += ms;
    },
    step(ms: number) {
      wall += ms;
    },
  };
}

const start = 1_769_855_445_000;
const millisecond = (micros: number) => Math.floor(micros / 1000);

describe('the clock', () => {
  test('is the wall clock to the millisecond, with the digits below it from the monotonic one', () => {
    const { clock, pass } = clockworks(start);
    expect(clock()).toBe(start * 1000);
    pass(0.25);
    expect(clock()).toBe(start * 1000 + 250);
    pass(10.5);
    expect(clock()).toBe(start * 1000 + 10_750);
  });

  test('increases strictly while no time passes', () => {
    const { clock } = clockworks(start);
    const stamps = Array.from({ length: 5000 }, clock);
    expect(stamps.every((stamp, at) => at === 0 || stamp > (stamps[at - 1] as number))).toBe(true);
    expect(stamps.at(-1)).toBe(start * 1000 + 4999);
  });

  test('follows a step forward immediately', () => {
    const { clock, step } = clockworks(start);
    clock();
    step(3_600_000);
    expect(clock()).toBe((start + 3_600_000) * 1000);
  });

  test('keeps increasing when the wall clock steps back by less than a second', () => {
    const { clock, step, pass } = clockworks(start);
    const before = clock();
    step(-900);
    expect(clock()).toBe(before + 1);
    expect(clock()).toBe(before + 2);
    pass(1000);
    expect(millisecond(clock())).toBe(start + 100);
  });

  test('follows a step back of more than a second, whether in one or in several', () => {
    const once = clockworks(start);
    once.clock();
    once.step(-5000);
    expect(millisecond(once.clock())).toBe(start - 5000);

    const twice = clockworks(start);
    twice.clock();
    twice.step(-600);
    twice.clock();
    twice.step(-600);
    expect(millisecond(twice.clock())).toBe(start - 1200);
  });

  test('corrects a monotonic clock that drifts, and never leaves the millisecond of the wall', () => {
    let monotonic = 0;
    let wall = start;
    const clock = createClock({ wallMs: () => Math.floor(wall), monotonicMs: () => monotonic });
    for (let ms = 0; ms < 100_000; ms += 10) {
      wall += 10;
      monotonic += 10.01;
      const behind = Math.floor(wall) * 1000;
      const stamp = clock();
      expect(stamp).toBeGreaterThanOrEqual(behind);
      expect(stamp).toBeLessThan(behind + 1000);
    }
  });

  test("of the system agrees with the system's time and increases over many calls", () => {
    const clock = createClock();
    const before = Date.now() * 1000;
    let last = clock();
    expect(last).toBeGreaterThanOrEqual(before);
    for (let call = 0; call < 200_000; call += 1) {
      const next = clock();
      if (!(next > last && Number.isInteger(next))) expect.fail(`${next} after ${last}`);
      last = next;
    }
    expect(last - Date.now() * 1000).toBeLessThan(1_000_000);
  });
});
