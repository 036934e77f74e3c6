import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPatience } from '../../cli/patience.js';
import { type ErrorCode, LoghiveError } from '../../src/errors.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const away = (sqlstate?: string, code: ErrorCode = 'LOGHIVE_STORAGE_UNAVAILABLE') =>
  Object.assign(new LoghiveError(code, 'it is away'), { sqlstate });

async function started(signal = new AbortController().signal) {
  const said: string[] = [];
  const patience = createPatience((sentence) => said.push(sentence), signal);
  return { patience, said, after: () => patience.run(async () => 'answered') };
}

/** The result, without waiting longer than the given time. */
async function within<T>(minutes: number, work: Promise<T>): Promise<T | 'still waiting' | unknown> {
  let result: T | 'still waiting' | unknown = 'still waiting';
  work.then(
    (value) => (result = value),
    (error) => (result = error),
  );
  await vi.advanceTimersByTimeAsync(minutes * 60_000);
  return result;
}

test('a database that comes back is waited for, and both are said once', async () => {
  const { patience, said, after } = await started();
  await after();
  let failures = 0;
  const work = patience.run(async () => {
    failures += 1;
    if (failures <= 5) throw away();
    return 'back';
  });
  expect(await within(5, work)).toBe('back');
  expect(said).toEqual(['it is away. Reconnecting.', 'connected again.']);
});

test('after ten minutes it is given up', async () => {
  const { patience, after } = await started();
  await after();
  const error = away();
  const work = patience.run(() => Promise.reject(error));
  work.catch(() => {});
  expect(await within(9, work)).toBe('still waiting');
  expect(await within(2, work)).toBe(error);
});

test('a database that has never answered is not waited for', async () => {
  const { patience, said } = await started();
  const error = away();
  expect(
    await within(
      0,
      patience.run(() => Promise.reject(error)),
    ),
  ).toBe(error);
  expect(said).toEqual([]);
});

test.each([away('28P01'), away('3D000'), away('42P01'), away(undefined, 'LOGHIVE_SEARCH_TIMEOUT'), new Error('a bug')])(
  'what waiting does not change is thrown at once: %s',
  async (error) => {
    const { patience, after } = await started();
    await after();
    expect(
      await within(
        0,
        patience.run(() => Promise.reject(error)),
      ),
    ).toBe(error);
  },
);

test('a signal ends the wait', async () => {
  const abort = new AbortController();
  const { patience, after } = await started(abort.signal);
  await after();
  const work = patience.run(() => Promise.reject(away()));
  expect(await within(1, work)).toBe('still waiting');
  abort.abort();
  expect(await within(0, work)).toBe(abort.signal.reason);
});
