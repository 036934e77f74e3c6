/** Memory use of a logger for each request that is never closed. */
import { expect, test } from 'vitest';
import { useChild } from './support/use-servers.js';

const program = new URL('unclosed-child.mjs', import.meta.url).pathname;

test.each(['client', 'winston', 'pino', 'console'])(
  'an integration that was dropped without a close leaves next to nothing in memory: %s',
  { timeout: 60_000 },
  async (kind) => {
    const child = useChild(program, { args: [kind, '1000'], nodeArgs: ['--expose-gc'] });
    await child.exited;
    // Each takes 3 to 17 KB while it exists.
    expect(Number(child.stdout[0])).toBeLessThan(1000);
  },
);
