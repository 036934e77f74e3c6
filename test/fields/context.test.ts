import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { contextFields, withContext } from '../../src/fields/context.js';

test('outside of every context there are no fields', () => {
  expect(contextFields()).toEqual({});
});

test('a context applies within its function, after await and in timers, and nowhere else', async () => {
  const inside = withContext({ requestId: 'r1' }, async () => {
    await sleep(1);
    const timer = new Promise((resolve) => setTimeout(() => resolve(contextFields()), 1));
    return [contextFields(), await timer];
  });
  expect(contextFields()).toEqual({});
  expect(await inside).toEqual([{ requestId: 'r1' }, { requestId: 'r1' }]);
});

test('concurrent contexts do not mix', async () => {
  const seen = await Promise.all(
    Array.from({ length: 100 }, (_, number) =>
      withContext({ number }, async () => {
        await sleep(number % 7);
        return contextFields().number;
      }),
    ),
  );
  expect(seen).toEqual(Array.from({ length: 100 }, (_, number) => number));
});

test('nested contexts are merged, and the inner one takes precedence', () => {
  withContext({ requestId: 'r1', user: 'a' }, () => {
    withContext({ user: 'b', step: 2 }, () => {
      expect(contextFields()).toEqual({ requestId: 'r1', user: 'b', step: 2 });
    });
    expect(contextFields()).toEqual({ requestId: 'r1', user: 'a' });
  });
});

test('withContext() returns what its function returns, and throws what it throws', () => {
  expect(withContext({}, () => 7)).toBe(7);
  expect(() =>
    withContext({}, () => {
      throw new Error("the application's own");
    }),
  ).toThrow("the application's own");
});

test('a context may have fields of any name', () => {
  const fields = JSON.parse('{"__proto__":1,"constructor":2}');
  withContext(fields, () => expect(JSON.stringify(contextFields())).toBe('{"__proto__":1,"constructor":2}'));
});

test('fields that cannot be read are marked, and the function still runs', () => {
  const throwing = {
    get broken() {
      throw new Error('gone');
    },
  };
  const closed = new Proxy(
    {},
    {
      ownKeys() {
        throw new Error('gone');
      },
    },
  );
  withContext(throwing, () => expect(contextFields()).toEqual({ broken: '[Threw: gone]' }));
  withContext(closed, () => expect(contextFields()).toEqual({}));
});

test.each([
  ['r1', 'withContext: the fields are text, expected an object such as { requestId }.'],
  [undefined, 'withContext: the fields are undefined, expected an object such as { requestId }.'],
  [['r1'], 'withContext: the fields are an array, expected an object such as { requestId }.'],
])('invalid fields are refused: %j', (fields, message) => {
  expect(() => withContext(fields as object, () => {})).toThrow(message);
});

test('a missing function is refused', () => {
  expect(() => withContext({}, undefined as never)).toThrow(
    'withContext: the second argument is undefined, expected a function.',
  );
});
