/** The package works in Bun and Deno as in Node. */
import path from 'node:path';
import { describe, test } from 'vitest';
import { copyEverything, ENDS, type End, expectAllAfter, type Run } from './projects/everything.js';
import { installOnce, installPackage } from './projects/installation.mjs';
import { onEnd, useBroker } from './support/use-servers.js';

const broker = await useBroker();
const installation = await installPackage();
onEnd(() => installation.remove());
const sources = await copyEverything(installation);

/** The packages `bun` and `deno` download these in install scripts, which do not have to run here. */
const RUNTIMES: Record<string, () => Promise<Omit<Run, 'url'>>> = {
  async Bun() {
    const home = await installOnce(['@oven/bun-linux-x64@1.4.5']);
    return { nodePath: path.join(home, 'node_modules', '@oven', 'bun-linux-x64', 'bin', 'bun') };
  },
  async Deno() {
    const home = await installOnce(['@deno/linux-x64-glibc@2.9.6']);
    return {
      nodePath: path.join(home, 'node_modules', '@deno', 'linux-x64-glibc', 'deno'),
      nodeArgs: ['run', '--allow-all'],
    };
  },
};

describe.each(Object.keys(RUNTIMES))('%s', (name) => {
  describe.each(['main.mjs', 'main.cjs'])('%s', (file) => {
    test.each(Object.keys(ENDS) as End[])('every record is confirmed at %s', { timeout: 60_000 }, async (end) => {
      const runtime = await RUNTIMES[name]!();
      await expectAllAfter(end, path.join(sources, file), { url: broker.url, ...runtime });
    });
  });
});
