import { expect, test } from 'vitest';
import { eventually } from './wait.mjs';

test('eventually returns the value of the condition once it holds', async () => {
  let calls = 0;
  expect(await eventually(() => (++calls < 3 ? null : calls), { everyMs: 1 })).toBe(3);
});

test('eventually accepts assertions as a condition', async () => {
  let calls = 0;
  await eventually(
    () => {
      expect(++calls).toBe(4);
    },
    { everyMs: 1 },
  );
});

test('eventually reports the last failure at the deadline', async () => {
  const failing = eventually(() => Promise.reject(new Error('3 of 5 rows')), {
    withinMs: 50,
    what: 'the table is full',
  });
  await expect(failing).rejects.toThrow(/the table is full did not hold within 50 ms .*Last failure: 3 of 5 rows/);
});

test('eventually does not wait for a hanging condition', async () => {
  const hanging = eventually(() => new Promise<boolean>(() => {}), { withinMs: 50 });
  await expect(hanging).rejects.toThrow(/did not finish in time/);
});
