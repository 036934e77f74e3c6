import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { installPackage } from './projects/installation.mjs';
import { faultsOf, PROJECTS, prepareProject, runProject } from './projects/projects.mjs';
import { onEnd, uniqueName, useBroker, useChild, useDatabase } from './support/use-servers.js';
import { eventually } from './support/wait.mjs';

const broker = await useBroker();
const database = await useDatabase();
const services = new Map(PROJECTS.map((name) => [name, uniqueName(name)]));
// Here and not in a hook: what a hook hands to onEnd() is never called.
const installation = await installPackage();
onEnd(() => installation.remove());
const consumer = useChild(path.join(installation.app, 'node_modules', '.bin', 'loghive'), {
  args: ['consume', ...services.values()],
  env: { LOGHIVE_URL: broker.url, LOGHIVE_DATABASE_URL: database.url },
  cwd: installation.app,
});
await consumer.waitForLine(/connected to RabbitMQ/, 30_000);

describe('records of an application that has installed the packed file reach PostgreSQL, once each', () => {
  test.each(PROJECTS)('%s', { timeout: 120_000 }, async (name) => {
    const service = services.get(name) ?? '';
    const project = await prepareProject(name, installation);
    const output = await runProject(project, { url: broker.url, service });
    expect(output.join('\n')).not.toMatch(/warning|deprecat|did not exit/i);
    await eventually(async () => expect(await faultsOf(service, database.query)).toEqual([]), { withinMs: 20_000 });
  });
});
