/** A logger for each request, which nobody closes: what stays of each one. */
import { expect, test } from 'vitest';
import { useChild } from './support/use-servers.js';

const program = new URL('unclosed-child.mjs', import.meta.url).pathname;

test.each(['client', 'winston', 'pino', 'console'])(
  'an integration that was dropped without a close leaves next to nothing in memory: %s',
  { timeout: 60_000 },
  async (kind) => {
    const child = useChild(program, { args: [kind, '1000'], nodeArgs: ['--expose-gc'] });
    await child.exited;
    // What each of them holds while it lives is 3 to 17 KB.
    expect(Number(child.stdout[0])).toBeLessThan(1000);
  },
);
