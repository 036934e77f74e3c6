/** Memory use of a logger for each request that is never closed. */
import { expect, test } from 'vitest';
import { useChild } from './support/use-servers.js';

const program = new URL('unclosed-child.mjs', import.meta.url).pathname;

test.each(['client', 'winston', 'pino', 'console'])(
  'an integration that is dropped without close() leaves less than 1 KB in memory: %s',
  { timeout: 60_000 },
  async (kind) => {
    const child = useChild(program, { args: [kind, '1000'], nodeArgs: ['--expose-gc'] });
    await child.exited;
    // An open integration uses 3 to 17 KB.
    expect(Number(child.stdout[0])).toBeLessThan(1000);
  },
);
