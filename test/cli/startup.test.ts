/** How much the command loads. Time on a shared machine says little; the number of modules says the same each time. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { newStore } from '../consumer/store/database.js';
import { onEnd, useChild } from '../support/use-servers.js';
import { program } from './run-loghive.js';

const root = path.resolve(import.meta.dirname, '../..');

/** The files that a run of the command loads, as paths in the repository. */
const loadedBy = (...args: string[]) => loadedWith('', args);

async function loadedWith(input: string, args: string[]): Promise<string[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-modules-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  const list = path.join(folder, 'list');
  const hooks = path.join(folder, 'hooks.mjs');
  writeFileSync(
    hooks,
    `import { appendFileSync } from 'node:fs';
    export async function load(url, context, next) {
      appendFileSync(${JSON.stringify(list)}, url + '\\n');
      return next(url, context);
    }`,
  );
  const preload = path.join(folder, 'preload.mjs');
  writeFileSync(
    preload,
    `import { appendFileSync } from 'node:fs';
    import { createRequire, register } from 'node:module';
    import { pathToFileURL } from 'node:url';
    register(${JSON.stringify(pathToFileURL(hooks).href)});
    // What a CommonJS package requires does not pass through the hooks.
    process.on('exit', () => {
      const { cache } = createRequire(import.meta.url);
      for (const file of Object.keys(cache)) appendFileSync(${JSON.stringify(list)}, pathToFileURL(file).href + '\\n');
    });`,
  );
  const nodeArgs = ['--import', pathToFileURL(preload).href];
  const child = useChild(program, { args, nodeArgs, cwd: folder });
  child.stdin.end(input);
  await child.exited;
  const base = pathToFileURL(`${root}/`).href;
  const loaded = readFileSync(list, 'utf8').split('\n');
  return [...new Set(loaded.filter((url) => url.startsWith(base)).map((url) => url.slice(base.length)))];
}

const packagesOf = (files: readonly string[]) =>
  new Set(files.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
const ownOf = (files: readonly string[], folder: string) =>
  files.filter((file) => file.startsWith(`dist/esm/${folder}/`)).map((file) => file.slice('dist/esm/'.length));

test('--version loads two files and no package', async () => {
  const files = await loadedBy('--version');
  expect(files.sort()).toEqual(['dist/esm/cli/main.js', 'dist/esm/src/package-version.js']);
});

test("search loads the connection of the store, nothing else of the consumer, and no package of a consumer's", async () => {
  const { url } = await newStore();
  const files = await loadedBy('search', 'level:error', '--database-url', url);
  const packages = packagesOf(files);
  expect(packages).toContain('pg');
  for (const name of ['amqplib', 'nodemailer', 'prom-client', 'p-retry', 'async-mutex', 'safe-regex2']) {
    expect(packages).not.toContain(name);
  }
  const consumer = ownOf(files, 'consumer').filter((file) => !file.startsWith('consumer/store/'));
  expect(consumer.sort()).toEqual(['consumer/http/settings.js', 'consumer/store-settings.js']);
  for (const name of ['index', 'writer', 'migrate', 'partitions', 'alert-outbox', 'administration', 'copy-text']) {
    expect(files).not.toContain(`dist/esm/consumer/store/${name}.js`);
  }
  // Where the spool is: for `loghive spool`.
  expect(ownOf(files, 'src/publisher')).toEqual(['src/publisher/spool/folder.js']);
  expect(ownOf(files, 'src/amqp')).toEqual([]);
  expect(ownOf(files, 'cli/embedded')).toEqual([]);
  // Of each other command, only the file with its options.
  expect(ownOf(files, 'cli/patterns').sort()).toEqual(['cli/patterns/command.js', 'cli/patterns/pattern-formats.js']);
  expect(ownOf(files, 'cli/tail')).toEqual(['cli/tail/command.js']);
  expect(ownOf(files, 'query').filter((file) => file.includes('pattern'))).toEqual(['query/pattern.js']);
  expect(files.filter((file) => file.startsWith('dist/')).length).toBeLessThan(130);
});

test('completing a level loads no database driver, completing a service loads what search does', async () => {
  const { url } = await newStore();
  const level = await loadedWith("loghive search 'level>=", ['__complete', 'bash']);
  expect(packagesOf(level)).not.toContain('pg');
  expect(level).not.toContain('dist/esm/query/index.js');
  expect(ownOf(level, 'cli/embedded')).toEqual([]);
  expect(level.filter((file) => file.startsWith('dist/')).length).toBeLessThan(90);
  const service = await loadedWith(`loghive consume --database-url ${url} `, ['__complete', 'bash']);
  expect(packagesOf(service)).toContain('pg');
  for (const name of ['amqplib', 'nodemailer', 'prom-client']) expect(packagesOf(service)).not.toContain(name);
  expect(ownOf(service, 'src/amqp')).toEqual([]);
});
