/** An application bundled into one file logs as before, and loses nothing at its end. */
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { copyEverything, ENDS, type End, emptyFolder, expectAllAfter, runEverything } from './projects/everything.js';
import { installOnce, installPackage } from './projects/installation.mjs';
import { onEnd, useBroker } from './support/use-servers.js';

const run = promisify(execFile);
const broker = await useBroker();
const installation = await installPackage();
onEnd(() => installation.remove());
const sources = await copyEverything(installation);

const FORMATS = ['module', 'commonjs'] as const;
type Format = (typeof FORMATS)[number];
const extensionOf = (format: Format) => (format === 'module' ? 'mjs' : 'cjs');

/** As described in docs/bundlers.md: the application, and next to it the worker that sends the last records. */
const BUNDLERS: Record<string, (format: Format, folder: string) => Promise<void>> = {
  async esbuild(format, folder) {
    const home = await installOnce(['esbuild@0.28.2']);
    const extension = extensionOf(format);
    // As esbuild's documentation recommends for ES modules: CommonJS packages need a `require`.
    const banner =
      "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";
    await run(
      path.join(home, 'node_modules', 'esbuild', 'bin', 'esbuild'),
      [
        `main.${extension}`,
        'exit-worker=loghive/exit-worker',
        '--bundle',
        '--platform=node',
        `--format=${format === 'module' ? 'esm' : 'cjs'}`,
        `--outdir=${folder}`,
        `--out-extension:.js=.${extension}`,
        ...(format === 'module' ? [`--banner:js=${banner}`] : []),
      ],
      { cwd: sources },
    );
  },
  async webpack(format, folder) {
    const home = await installOnce(['webpack@5.113.0', 'webpack-cli@7.3.1']);
    const extension = extensionOf(format);
    const module = { experiments: { outputModule: true }, output: { module: true, chunkFormat: 'module' } };
    const settings = {
      mode: 'production',
      target: 'node20',
      context: sources,
      entry: { main: `./main.${extension}`, 'exit-worker': 'loghive/exit-worker' },
      ...(format === 'module' ? { experiments: module.experiments } : {}),
      output: { path: folder, filename: `[name].${extension}`, ...(format === 'module' ? module.output : {}) },
    };
    const file = path.join(folder, 'webpack.config.json');
    await writeFile(file, JSON.stringify(settings));
    await run(process.execPath, [path.join(home, 'node_modules', 'webpack', 'bin', 'webpack.js'), '--config', file], {
      cwd: home,
    });
  },
};

describe.each(Object.keys(BUNDLERS))('%s', (bundler) => {
  describe.each(FORMATS)('as %s', (format) => {
    let bundle: Promise<string> | undefined;
    async function bundled(): Promise<string> {
      const folder = await emptyFolder(installation, `${bundler}-${format}`);
      await BUNDLERS[bundler]!(format, folder);
      return path.join(folder, `main.${extensionOf(format)}`);
    }

    test.each(Object.keys(ENDS) as End[])('every record is confirmed at %s', { timeout: 120_000 }, async (end) => {
      bundle ??= bundled();
      await expectAllAfter(end, await bundle, { url: broker.url });
    });
  });
});

test('without the exit worker, records that a bundle cannot send at process.exit() are left on disk', async () => {
  const folder = await emptyFolder(installation, 'alone');
  await BUNDLERS.esbuild!('commonjs', folder);
  await rm(path.join(folder, 'exit-worker.cjs'));
  const { ended, output, records } = await runEverything('process.exit()', path.join(folder, 'main.cjs'), {
    url: broker.url,
  });
  expect(ended).toEqual({ code: ENDS['process.exit()'], signal: null });
  expect(output.join('\n')).toMatch(/exit-worker/);
  expect(output.join('\n')).toMatch(/1 record left on disk/);
  expect(records).not.toContain('the last words');
}, 60_000);
