import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { describe, expect, test } from 'vitest';
import { installPackage } from './projects/installation.mjs';
import { onEnd, uniqueName, useBroker, useChild, useDatabase } from './support/use-servers.js';
import { eventually } from './support/wait.mjs';

const run = promisify(execFile);
const ENTRIES = [
  'loghive',
  'loghive/winston',
  'loghive/pino',
  'loghive/console',
  'loghive/console/register',
  'loghive/consumer',
  'loghive/flush-on-exit',
  'loghive/exit-worker',
];
const installation = await installPackage();
onEnd(() => installation.remove());
await cp(path.join(import.meta.dirname, 'projects', 'exports'), installation.app, { recursive: true });

const inApp = (file: string) => path.join(installation.app, file);

// biome-ignore lint/suspicious/noExplicitAny: what a script prints
async function printed(script: string, ...args: string[]): Promise<any> {
  const { stdout, stderr } = await run(process.execPath, [inApp(script), ...args], { cwd: installation.app });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

describe('the packed file', () => {
  test('contains only what is needed to run', async () => {
    const { stdout } = await run('tar', ['-tzf', installation.tarball]);
    const files = stdout
      .trim()
      .split('\n')
      .map((file) => file.replace(/^package\//, ''));
    expect(files).toContain('package.json');
    expect(files).toContain('LICENSE');
    const needless = files.filter(
      (file) =>
        !/^(dist\/(esm|cjs)\/.+\.(js|d\.ts|sql)|dist\/cjs\/package\.json|docs\/.+|[^/]+\.md|LICENSE|package\.json)$/.test(
          file,
        ),
    );
    expect(needless).toEqual([]);
  });

  test('contains every migration in both builds', async () => {
    const { stdout } = await run('tar', ['-tzf', installation.tarball]);
    const migrations = (build: string) =>
      [...stdout.matchAll(new RegExp(`^package/dist/${build}/(.+\\.sql)$`, 'gm'))].map(([, file]) => file);
    expect(migrations('esm')).not.toEqual([]);
    expect(migrations('cjs')).toEqual(migrations('esm'));
  });

  test('is installed by the Dockerfile, whose build fails without it', { timeout: 120_000 }, async () => {
    const text = await readFile(path.resolve(import.meta.dirname, '../deploy/Dockerfile'), 'utf8');
    const command = /^RUN ((?:.*\\\n)*.*)$/m.exec(text)![1]!;
    const folder = await mkdtemp(path.join(tmpdir(), 'loghive-image-'));
    onEnd(() => rm(folder, { recursive: true, force: true }));
    const { PATH, HOME } = process.env;
    const build = () => run('/bin/sh', ['-c', command], { cwd: folder, env: { PATH, HOME, LOGHIVE: '' } });
    await expect(build()).rejects.toThrow();
    await cp(installation.tarball, path.join(folder, path.basename(installation.tarball)));
    const { version } = JSON.parse(await readFile(path.resolve(import.meta.dirname, '../package.json'), 'utf8'));
    expect((await build()).stdout.trim().split('\n').at(-1)).toBe(version);
    expect((await readdir(folder)).filter((name) => !/^(node_modules|package(-lock)?\.json)$/.test(name))).toEqual([]);
  });

  test('passes publint without a message', async () => {
    const file = await readFile(installation.tarball);
    const tarball = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer;
    const { messages } = await publint({ pack: { tarball }, strict: true });
    expect(messages).toEqual([]);
  });

  test('has correct types for every kind of resolution (attw)', { timeout: 60_000 }, async () => {
    const attw = path.resolve(import.meta.dirname, '../node_modules/.bin/attw');
    // It exits with 1 if it has found problems, which are in its output.
    const { stdout } = await run(process.execPath, [attw, installation.tarball, '--format', 'json']).catch(
      (error) => error,
    );
    const { analysis, problems } = JSON.parse(stdout);
    expect(problems ?? {}).toEqual({});
    expect(analysis.problems).toEqual([]);
    expect(Object.keys(analysis.entrypoints)).toEqual(
      expect.arrayContaining(ENTRIES.map((entry) => entry.replace('loghive', '.'))),
    );
  });
});

describe('the exports', () => {
  test('have the same names when imported and required', async () => {
    const imported = await printed('imports.mjs');
    expect(imported).toEqual({
      loghive: [
        'ERROR_CODES',
        'LEVELS',
        'LoggerClient',
        'LoghiveError',
        'collectMetrics',
        'contextFields',
        'internalLogger',
        'withContext',
      ],
      'loghive/winston': ['LoghiveTransport', 'default'],
      'loghive/pino': ['default', 'loghivePino'],
      'loghive/console': ['patchConsole'],
      'loghive/consumer': ['createConsumer', 'migrateDatabase', 'startConsumer'],
    });
    expect(await printed('requires.cjs')).toEqual(imported);
  });

  test('include a command that prints the version', async () => {
    const { stdout } = await run(process.execPath, [inApp('node_modules/.bin/loghive'), '--version']);
    const { version } = JSON.parse(await readFile(inApp('node_modules/loghive/package.json'), 'utf8'));
    expect(stdout.trim()).toBe(version);
  });
});

describe('what an application loads', () => {
  const packagesOf = (files: string[]) =>
    [
      ...new Set(files.flatMap((file) => /.*node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file)?.[1] ?? [])),
    ].sort();
  const own = ['@pinojs/redact', 'amqplib', 'async-mutex', 'dotenv', 'loghive', 'tslib'];
  // winston-transport and its dependencies, which every Winston application has already loaded.
  const winston = [
    'winston-transport',
    'logform',
    'readable-stream',
    'inherits',
    'util-deprecate',
    'triple-beam',
    'safe-stable-stringify',
  ];

  // A Pino application has already loaded both.
  const pino = ['pino-abstract-transport', 'split2'];

  test.each(['loaded.cjs', 'loaded.mjs'])('includes no database and no command line (%s)', async (script) => {
    for (const entry of ['loghive', 'loghive/console']) {
      expect(packagesOf(await printed(script, entry)).filter((name) => !own.includes(name))).toEqual([]);
    }
    const loaded = packagesOf(await printed(script, 'loghive/winston'));
    expect(loaded).toEqual(expect.arrayContaining(['amqplib', 'loghive', 'winston-transport']));
    expect(loaded.filter((name) => ![...own, ...winston].includes(name))).toEqual([]);
    const loadedByPino = packagesOf(await printed(script, 'loghive/pino'));
    expect(loadedByPino).toEqual(expect.arrayContaining(['amqplib', 'loghive', 'pino-abstract-transport']));
    expect(loadedByPino.filter((name) => ![...own, ...pino].includes(name))).toEqual([]);
  });

  test('includes the database if it runs the consumer', async () => {
    for (const script of ['loaded.cjs', 'loaded.mjs']) {
      expect(packagesOf(await printed(script, 'loghive/consumer'))).toContain('pg');
    }
  });
});

describe('with the installed package', () => {
  test('the imported and the required copy in one process share a connection until both are closed', async () => {
    const broker = await useBroker();
    const child = useChild(inApp('shared.mjs'), {
      env: { LOGHIVE_URL: broker.url, LOGHIVE_SERVICE: uniqueName('shared') },
      cwd: installation.app,
    });
    const message = await child.waitForMessage((each: { twoCopies?: boolean }) => 'twoCopies' in each);
    expect(message).toEqual({ sameDefault: true, twoCopies: true, accepted: [2, 2] });
    expect(await broker.admin.listConnections({ vhost: broker.vhost })).toHaveLength(1);
    await child.send('close');
    expect(await child.waitForMessage((each: object) => 'confirmed' in each)).toEqual({
      confirmed: 2,
      spooled: 0,
      unsent: 0,
    });
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test('a CommonJS application can run the consumer', async () => {
    const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
    const service = uniqueName('commonjs');
    const env = { LOGHIVE_URL: broker.url, LOGHIVE_DATABASE_URL: database.url, LOGHIVE_SERVICE: service };
    const consumer = useChild(inApp('consumer.cjs'), { env, cwd: installation.app });
    await consumer.waitForLine(/^running$/, 20_000);
    const producer = useChild(inApp('shared.mjs'), { env, cwd: installation.app });
    await producer.waitForMessage();
    await eventually(async () => {
      const rows = await database.query('select 1 from logs.records where service = $1', [service]);
      expect(rows).toHaveLength(2);
    });
    expect(await consumer.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(consumer.stdout).toContain('stopped');
  });
});

test('package.json has an entry for each export that is tested here', async () => {
  const { exports } = JSON.parse(await readFile(inApp('node_modules/loghive/package.json'), 'utf8'));
  const entries = Object.keys(exports).map((entry) => entry.replace(/^\./, 'loghive'));
  expect(entries).toEqual([...ENTRIES, 'loghive/package.json']);
});
