import { describe, expect, it, vi } from 'vitest';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { LaneThrottle } from '../../src/publisher/lanes.js';

const connection = {} as OpenConnection;
const declared = async () => {};

async function openThrottle(resume = () => {}): Promise<LaneThrottle> {
  const throttle = new LaneThrottle(() => 1, resume);
  throttle.admits(connection, 0, declared);
  await Promise.resolve();
  await Promise.resolve();
  return throttle;
}

describe('the throttle of a lane', () => {
  it('admits nothing before the queue is declared, then resumes the lane', async () => {
    const resume = vi.fn();
    const throttle = new LaneThrottle(() => 1, resume);
    const declare = vi.fn(declared);
    expect(throttle.admits(connection, 0, declare)).toBe(false);
    expect(throttle.admits(connection, 0, declare)).toBe(false);
    await vi.waitFor(() => expect(resume).toHaveBeenCalledOnce());
    expect(throttle.admits(connection, 500, declare)).toBe(true);
    expect(declare).toHaveBeenCalledOnce();
  });

  it('declares the queue again on another connection', async () => {
    const throttle = await openThrottle();
    const declare = vi.fn(declared);
    expect(throttle.admits({} as OpenConnection, 0, declare)).toBe(false);
    expect(declare).toHaveBeenCalledOnce();
  });

  it('holds the lane back after a refusal, and declares the queue again before it continues', async () => {
    const resume = vi.fn();
    const throttle = await openThrottle(resume);
    resume.mockClear();
    throttle.refused();
    expect(throttle.isHeld).toBe(true);
    expect(throttle.admits(connection, 0, declared)).toBe(false);
    await vi.waitFor(() => expect(resume).toHaveBeenCalledOnce());
    const declare = vi.fn(declared);
    throttle.admits(connection, 0, declare);
    expect(declare).toHaveBeenCalledOnce();
  });

  it('admits one frame after a refusal, and twice as many after each confirm', async () => {
    const throttle = await openThrottle();
    throttle.refused();
    await vi.waitFor(() => expect(throttle.isHeld).toBe(false));
    throttle.admits(connection, 0, declared);
    await vi.waitFor(() => expect(throttle.admits(connection, 0, declared)).toBe(true));
    expect(throttle.admits(connection, 1, declared)).toBe(false);
    throttle.confirmed();
    expect(throttle.admits(connection, 1, declared)).toBe(true);
    expect(throttle.admits(connection, 2, declared)).toBe(false);
  });

  it('increases its delay with each consecutive refusal, and resets it with a confirm', async () => {
    const attempts: number[] = [];
    const throttle = new LaneThrottle(
      (attempt) => {
        attempts.push(attempt);
        return 0;
      },
      () => {},
    );
    for (const step of ['refused', 'refused', 'confirmed', 'refused'] as const) {
      throttle[step]();
      await vi.waitFor(() => expect(throttle.isHeld).toBe(false));
    }
    expect(attempts).toEqual([1, 2, 1]);
  });

  it('resumes the lane after a delay if the declaration failed', async () => {
    const resume = vi.fn();
    const throttle = new LaneThrottle(() => 1, resume);
    throttle.admits(connection, 0, () => Promise.reject(new Error('connection lost')));
    await vi.waitFor(() => expect(resume).toHaveBeenCalledOnce());
    expect(throttle.isHeld).toBe(false);
  });
});
