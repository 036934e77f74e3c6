/** Scripts of an application that logs through Pino, run in separate processes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Child } from '../support/child.mjs';
import { onEnd, useChild } from '../support/use-servers.js';
import type { TestStack } from '../support/use-stack.js';

const root = path.resolve(import.meta.dirname, '..', '..');
const target = path.join(root, 'dist', 'esm', 'transports', 'pino.js');
/** The file that `createRequire().resolve()` finds, which is how Pino resolves targets. */
export const requiredTarget = path.join(root, 'dist', 'cjs', 'transports', 'pino.js');

export interface Program {
  child: Child;
  service: string;
}

/** Runs a script with `pino`, `target`, its `options`, `shout` (a transform to upper case), and `sleep()`. */
export function pinoPrograms(stack: TestStack) {
  return (
    body: string,
    { options = {}, integration = target }: { options?: object; integration?: string } = {},
  ): Program => {
    const service = stack.service();
    const folder = mkdtempSync(path.join(import.meta.dirname, '.pino-'));
    onEnd(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(
      path.join(folder, 'shout.mjs'),
      `import build from 'pino-abstract-transport';
import { Transform, pipeline } from 'node:stream';
export default () => build((source) => {
  const shout = new Transform({
    objectMode: true,
    transform: (line, _encoding, done) => done(null, JSON.stringify({ ...line, msg: line.msg.toUpperCase() }) + '\\n'),
  });
  pipeline(source, shout, () => {});
  return shout;
}, { enablePipelining: true });
`,
    );
    const file = path.join(folder, 'program.mjs');
    const settings = { service, url: stack.broker.url, exitTimeoutMs: 8000, ...options };
    writeFileSync(
      file,
      `import path from 'node:path';
import pino from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
const target = ${JSON.stringify(integration)};
const options = ${JSON.stringify(settings)};
const shout = path.join(import.meta.dirname, 'shout.mjs');
${body}
`,
    );
    return { child: useChild(file, { cwd: folder }), service };
  };
}
