/** The examples of frameworks: each is installed with the packed file into its own folder, and run as in its README. */
import { readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { installInto, npm } from '../projects/installation.mjs';
import { startChild } from '../support/child.mjs';
import { freePort } from '../support/ports.mjs';
import { eventually } from '../support/wait.mjs';

const EXAMPLES = path.resolve(import.meta.dirname, '..', '..', 'examples');

/** The frameworks, and how each process ends on SIGTERM. */
export const FRAMEWORKS = [
  { name: 'express', ends: { code: 0, signal: null } },
  { name: 'fastify', ends: { code: 0, signal: null } },
  { name: 'nest', ends: { code: null, signal: 'SIGTERM' } },
  { name: 'next', ends: { code: null, signal: 'SIGTERM' }, env: { NEXT_MANUAL_SIG_HANDLE: 'true' } },
];

/** Creates a copy of an example, with `more` packages, that is ready to start. */
export async function prepareExample(name, { folder: home, tarball }, more = []) {
  const folder = path.join(home, `example-${name}`);
  await cp(path.join(EXAMPLES, name), folder, {
    recursive: true,
    filter: (file) => !['node_modules', '.next', 'out'].includes(path.basename(file)),
  });
  await installInto(folder, [tarball, ...more]);
  const { scripts = {} } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  if (scripts.build) await npm(folder, ['run', 'build']);
  return { folder, start: scripts.start };
}

/** Starts a server by its `start` script, but without a shell, so that signals reach it. */
export async function startServer({ folder, start }, env) {
  const [program, ...args] = start.split(' ');
  const [file, rest] =
    program === 'node'
      ? [path.join(folder, args[0]), args.slice(1)]
      : [path.join(folder, 'node_modules', '.bin', program), args];
  const port = await freePort();
  const child = startChild(file, { cwd: folder, args: rest, env: { ...env, PORT: String(port) } });
  const url = `http://localhost:${port}`;
  try {
    await eventually(
      async () => {
        if (!child.running) return true;
        return (await fetch(`${url}/orders/0`)).ok;
      },
      { withinMs: 30_000, everyMs: 100, what: 'an answer of the server' },
    );
    if (!child.running) throw new Error('it ended before it answered');
  } catch (error) {
    await child.kill();
    throw new Error(`${error.message}; its last lines:\n${child.lines.slice(-15).join('\n')}`, { cause: error });
  }
  return { child, url };
}
