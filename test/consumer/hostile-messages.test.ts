import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { useChild } from '../support/use-servers.js';
import { hostileMessages } from './hostile-messages.mjs';

/** Heap limit in MiB of a program that parses one such message after the other. */
const HEAP = 256;

describe(`with ${HEAP} MiB of heap`, () => {
  const child = useChild(path.join(import.meta.dirname, 'hostile-messages-child.mjs'), {
    nodeArgs: [`--max-old-space-size=${HEAP}`],
  });

  test.each(Object.entries(hostileMessages).map(([name, [, , outcome]]) => ({ name, outcome })))(
    'a message is read without harm: $name',
    async ({ name, outcome }) => {
      const [, line] = await child.waitForLine(new RegExp(`^(\\{"name":"${name}",.*)$`), 20_000);
      expect(JSON.parse(line as string)).toMatchObject({ outcome });
    },
  );

  test('the program exits cleanly', async () => {
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });
});
