import { describe, expect, it, vi } from 'vitest';
import type { Link } from '../../src/amqp/link.js';
import { Pace } from '../../src/publisher/pace.js';

const link = {} as Link;
const declared = async () => {};

async function openPace(resume = () => {}): Promise<Pace> {
  const pace = new Pace(() => 1, resume);
  pace.admits(link, 0, declared);
  await Promise.resolve();
  await Promise.resolve();
  return pace;
}

describe('the pace of a lane', () => {
  it('lets nothing go before its queue is declared, then says so', async () => {
    const resume = vi.fn();
    const pace = new Pace(() => 1, resume);
    const declare = vi.fn(declared);
    expect(pace.admits(link, 0, declare)).toBe(false);
    expect(pace.admits(link, 0, declare)).toBe(false);
    await vi.waitFor(() => expect(resume).toHaveBeenCalledOnce());
    expect(pace.admits(link, 500, declare)).toBe(true);
    expect(declare).toHaveBeenCalledOnce();
  });

  it('declares again on another connection', async () => {
    const pace = await openPace();
    const declare = vi.fn(declared);
    expect(pace.admits({} as Link, 0, declare)).toBe(false);
    expect(declare).toHaveBeenCalledOnce();
  });

  it('holds the lane back after a refusal, and declares again before it goes on', async () => {
    const resume = vi.fn();
    const pace = await openPace(resume);
    resume.mockClear();
    pace.refused();
    expect(pace.isHeld).toBe(true);
    expect(pace.admits(link, 0, declared)).toBe(false);
    await vi.waitFor(() => expect(resume).toHaveBeenCalledOnce());
    const declare = vi.fn(declared);
    pace.admits(link, 0, declare);
    expect(declare).toHaveBeenCalledOnce();
  });

  it('lets one frame go after a refusal and doubles with each confirm', async () => {
    const pace = await openPace();
    pace.refused();
    await vi.waitFor(() => expect(pace.isHeld).toBe(false));
    pace.admits(link, 0, declared);
    await vi.waitFor(() => expect(pace.admits(link, 0, declared)).toBe(true));
    expect(pace.admits(link, 1, declared)).toBe(false);
    pace.confirmed();
    expect(pace.admits(link, 1, declared)).toBe(true);
    expect(pace.admits(link, 2, declared)).toBe(false);
  });

  it('grows its delay with each refusal in a row and forgets it with a confirm', async () => {
    const attempts: number[] = [];
    const pace = new Pace(
      (attempt) => {
        attempts.push(attempt);
        return 0;
      },
      () => {},
    );
    for (const step of ['refused', 'refused', 'confirmed', 'refused'] as const) {
      pace[step]();
      await vi.waitFor(() => expect(pace.isHeld).toBe(false));
    }
    expect(attempts).toEqual([1, 2, 1]);
  });

  it('asks again after a delay when the declaration failed', async () => {
    const resume = vi.fn();
    const pace = new Pace(() => 1, resume);
    pace.admits(link, 0, () => Promise.reject(new Error('connection lost')));
    await vi.waitFor(() => expect(resume).toHaveBeenCalledOnce());
    expect(pace.isHeld).toBe(false);
  });
});
