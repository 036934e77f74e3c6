/** The exit worker under difficult conditions: in bundles, without permissions, with a slow or unreachable broker. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { takeRecords } from '../exits/take-records.mjs';
import type { Child } from '../support/child.mjs';
import { freePort } from '../support/ports.mjs';
import { onEnd, uniqueName, useBroker, useChild, useProxy } from '../support/use-servers.js';

const broker = await useBroker();
const SLOW = { timeout: 60_000 };
const root = path.resolve(import.meta.dirname, '..', '..');

/** Logs 12 records and exits with 3. */
const SCRIPT = (from: string) => `import { LoggerClient } from '${from}';
const logger = new LoggerClient(JSON.parse(process.env.SETTINGS));
for (let number = 0; number < 12; number++) logger.info('record ' + number);
process.exit(3);`;

function start(file: string, settings: object, nodeArgs: string[] = []): { child: Child; service: string } {
  const service = uniqueName('svc');
  const common = { service, url: broker.url, queueType: 'classic', spool: false };
  const env = { SETTINGS: JSON.stringify({ ...common, ...settings }) };
  return { child: useChild(file, { env, nodeArgs }), service };
}

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'loghive-bundle-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** @param worker name of the worker's file in the bundle; undefined: the bundle has none. */
async function bundle(format: 'esm' | 'cjs', extension: string, worker: string | undefined): Promise<string> {
  const outdir = temporaryFolder();
  await build({
    absWorkingDir: root,
    stdin: { contents: SCRIPT('loghive'), resolveDir: root, sourcefile: 'app.js' },
    bundle: true,
    platform: 'node',
    format,
    outfile: path.join(outdir, `app${extension}`),
    logLevel: 'error',
    logOverride: { 'empty-import-meta': 'silent' },
    ...(format === 'esm' ? { banner: { js: REQUIRE } } : {}),
  });
  if (worker !== undefined) {
    await build({
      absWorkingDir: root,
      entryPoints: [{ in: 'loghive/exit-worker', out: worker }],
      bundle: true,
      platform: 'node',
      format,
      outdir,
      outExtension: { '.js': extension },
      logLevel: 'error',
      ...(format === 'esm' ? { banner: { js: REQUIRE } } : {}),
    });
  }
  return path.join(outdir, `app${extension}`);
}

/** CommonJS packages in a bundle of ES modules need a `require`. */
const REQUIRE =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

test.each([
  ['esm', '.mjs'],
  ['cjs', '.js'],
  ['cjs', '.cjs'],
] as const)('in a bundle (%s, %s), the exit worker starts from its own file', SLOW, async (format, extension) => {
  const { child, service } = start(await bundle(format, extension, 'exit-worker'), {});
  expect([await child.exited, child.stderr]).toEqual([{ code: 3, signal: null }, []]);
  expect(await takeRecords(broker.url, `${service}_info_logs`)).toHaveLength(12);
});

test('a bundle without the file of the exit worker is reported once, and the records are counted', SLOW, async () => {
  const { child } = start(await bundle('esm', '.mjs', undefined), {});
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(child.stderr).toHaveLength(2);
  expect(child.stderr[0]).toMatch(
    /the exit worker does not start: there is no exit-worker\.js in .*loghive\/exit-worker/,
  );
  expect(child.stderr[1]).toMatch(/12 \(unsent at exit/);
});

test.each([
  ['is no module', "throw new Error('broken');", /exit-worker\.mjs cannot be loaded: broken/],
  [
    'was copied out of the package',
    readFileSync(path.join(root, 'dist/esm/src/publisher/exit-worker.js'), 'utf8'),
    /does not start.*Cannot find module/,
  ],
])('a worker file that %s is reported immediately, and the records are counted', SLOW, async (_what, code, reason) => {
  const file = await bundle('esm', '.mjs', undefined);
  writeFileSync(path.join(path.dirname(file), 'exit-worker.mjs'), code);
  const { child } = start(file, { exitTimeoutMs: 8000 });
  const started = performance.now();
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(performance.now() - started).toBeLessThan(8000);
  expect(child.stderr).toHaveLength(2);
  expect(child.stderr[0]).toMatch(reason);
  expect(child.stderr[1]).toMatch(/12 \(unsent at exit/);
});

/** A script beside the built package. */
function script(body = ''): string {
  const folder = mkdtempSync(path.join(import.meta.dirname, '.exit-worker-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'program.mjs');
  writeFileSync(file, SCRIPT('../../../dist/esm/src/index.js').replace('process.exit', `${body}\nprocess.exit`));
  return file;
}

test('a permission model that forbids threads is reported once, and the records are counted', SLOW, async () => {
  const permission = Number.parseInt(process.versions.node, 10) > 22 ? '--permission' : '--experimental-permission';
  const { child } = start(script("process.on('exit', () => logger.info('late'));"), {}, [
    permission,
    '--allow-fs-read=*',
  ]);
  expect(await child.exited).toEqual({ code: 3, signal: null });
  const reports = child.stderr.filter((line) => line.startsWith('[loghive]'));
  expect(reports.filter((line) => /the exit worker does not start/.test(line))).toHaveLength(1);
  expect(reports.join('\n')).toMatch(/12 \(unsent at exit/);
  expect(reports.at(-1)).toMatch(/13 in total/);
});

test('modules that the application preloads do not run in the exit worker', SLOW, async () => {
  const folder = temporaryFolder();
  const preload = path.join(folder, 'preload.mjs');
  writeFileSync(preload, "import fs from 'node:fs'; fs.writeSync(1, 'preloaded\\n');");
  const service = uniqueName('svc');
  const SETTINGS = JSON.stringify({ service, url: broker.url, queueType: 'classic' });
  const child = useChild(script(), {
    nodeArgs: ['--import', preload],
    env: { SETTINGS, NODE_OPTIONS: `--import ${preload}` },
  });
  expect([await child.exited, child.stderr]).toEqual([{ code: 3, signal: null }, []]);
  expect(child.stdout).toEqual(['preloaded']);
  expect(await takeRecords(broker.url, `${service}_info_logs`)).toHaveLength(12);
});

test(
  'the exit worker waits for a slow broker, but at most exitTimeoutMs for one that does not answer',
  SLOW,
  async () => {
    const proxy = await useProxy(broker.url);
    proxy.delay(100);
    const slow = start(script(), { url: proxy.url(broker.url), exitTimeoutMs: 8000 });
    expect([await slow.child.exited, slow.child.stderr]).toEqual([{ code: 3, signal: null }, []]);
    expect(await takeRecords(broker.url, `${slow.service}_info_logs`)).toHaveLength(12);
    proxy.halfOpen();
    const dead = start(script(), { url: proxy.url(broker.url), exitTimeoutMs: 300 });
    expect(await dead.child.exited).toEqual({ code: 3, signal: null });
    expect(dead.child.stderr.join('\n')).toMatch(/12 \(unsent at exit/);
  },
);

test('the exit worker sends large records as well', SLOW, async () => {
  const { child, service } = start(script("logger.info('x'.repeat(900 * 1024)); logger.info('next');"), {});
  expect([await child.exited, child.stderr]).toEqual([{ code: 3, signal: null }, []]);
  expect(await takeRecords(broker.url, `${service}_info_logs`)).toHaveLength(14);
});

test('8 MiB of records are confirmed after process.exit()', SLOW, async () => {
  const body = "for (let number = 0; number < 20_000; number++) logger.info('y'.repeat(200), { number });";
  const { child, service } = start(script(body), { bufferBytes: 16 * 1024 * 1024, exitTimeoutMs: 8000 });
  expect([await child.exited, child.stderr]).toEqual([{ code: 3, signal: null }, []]);
  expect(await takeRecords(broker.url, `${service}_info_logs`)).toHaveLength(20_012);
});

test("with queueType: 'python', the exit worker sends one record per message", SLOW, async () => {
  const { child, service } = start(script(), { queueType: 'python' });
  expect([await child.exited, child.stderr]).toEqual([{ code: 3, signal: null }, []]);
  const queue = (await broker.listQueues()).find(({ name }) => name === `${service}_info_logs`);
  expect(queue?.messages).toBe(12);
});

test('an unreachable broker is reported once', SLOW, async () => {
  const { child } = start(script(), { url: `amqp://127.0.0.1:${await freePort()}` });
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(child.stderr.filter((line) => /nothing listens there/.test(line))).toHaveLength(1);
});
