import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { installOnce, installPackage } from './projects/installation.mjs';
import { faultsOf, PROJECTS, prepareProject, runProject } from './projects/projects.mjs';
import { onEnd, uniqueName, useBroker, useChild, useDatabase } from './support/use-servers.js';
import { eventually } from './support/wait.mjs';

const broker = await useBroker();
const database = await useDatabase();
const services = new Map(PROJECTS.map((name) => [name, uniqueName(name)]));
const installation = await installPackage();
const printing = { 'main.mjs': uniqueName('module'), 'main.cjs': uniqueName('commonjs'), 'main.ts': uniqueName('tsx') };
onEnd(() => installation.remove());
const consumer = useChild(path.join(installation.app, 'node_modules', '.bin', 'loghive'), {
  args: ['consume', ...services.values(), ...Object.values(printing)],
  env: { LOGHIVE_URL: broker.url, LOGHIVE_DATABASE_URL: database.url },
  cwd: installation.app,
});
await consumer.waitForLine(/connected to RabbitMQ/, 30_000);

describe('records of an application with the packed file installed are stored in PostgreSQL once each', () => {
  test.each(PROJECTS)('%s', { timeout: 120_000 }, async (name) => {
    const service = services.get(name) ?? '';
    const project = await prepareProject(name, installation);
    const output = await runProject(project, { url: broker.url, service });
    expect(output.join('\n')).not.toMatch(/warning|deprecat|did not exit/i);
    await eventually(async () => expect(await faultsOf(service, database.query)).toEqual([]), { withinMs: 20_000 });
  });
});

describe('an application that only prints to the console is recorded by `--import loghive/console/register`', () => {
  test.each(Object.entries(printing))('%s', { timeout: 60_000 }, async (file, service) => {
    const typed = file.endsWith('.ts') ? ': number' : '';
    writeFileSync(
      path.join(installation.app, file),
      `const order${typed} = 7;\nconsole.log('order placed', { order });\n`,
    );
    const runner = path.join(await installOnce(['tsx@4.23.15']), 'node_modules', 'tsx', 'dist', 'loader.mjs');
    const child = useChild(path.join(installation.app, file), {
      nodeArgs: [...(typed ? ['--import', runner] : []), '--import', 'loghive/console/register'],
      env: { LOGHIVE_URL: broker.url, LOGHIVE_SERVICE: service },
      cwd: installation.app,
    });
    expect([await child.exited, child.lines]).toEqual([{ code: 0, signal: null }, ['order placed { order: 7 }']]);
    await eventually(async () => {
      const rows = await database.query(
        'SELECT message, information->$2 AS args FROM logs.records WHERE service = $1',
        [service, 'args'],
      );
      expect(rows).toEqual([{ message: 'order placed { order: 7 }', args: ['order placed', { order: 7 }] }]);
    });
  });
});
