/** The console of real processes: where it is patched from, and what ends them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Child, ChildOptions } from '../support/child.mjs';
import { onEnd, useChild } from '../support/use-servers.js';
import { type TestStack, useStack } from '../support/use-stack.js';

const dist = path.resolve(import.meta.dirname, '../../dist');
const register = {
  esm: `${dist}/esm/transports/console-register.js`,
  cjs: `${dist}/cjs/transports/console-register.js`,
};
const SLOW = { timeout: 60_000 };

let stack: TestStack;

beforeAll(async () => {
  stack = await useStack(24);
});

interface Program extends ChildOptions {
  /** Of the file; default 'mjs'. */
  extension?: string;
  variables?: Record<string, string>;
}

/** A script whose environment says where to log. */
function run(body: string, { extension = 'mjs', variables = {}, ...options }: Program = {}) {
  const service = stack.service();
  const folder = mkdtempSync(path.join(import.meta.dirname, '.console-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, `program.${extension}`);
  writeFileSync(file, body);
  const env = { LOGHIVE_SERVICE: service, LOGHIVE_URL: stack.broker.url, FILE: file, ...variables };
  return { service, child: useChild(file, { cwd: folder, env, ...options }) };
}

/** The same with `patched`, made by `patchConsole()`. */
const patching = (body: string, options = '') =>
  run(`import { patchConsole } from '${dist}/esm/transports/console.js';
const patched = patchConsole({ exitTimeoutMs: 8000, ${options} });
${body}`);

const messages = async (service: string, count: number) =>
  (await stack.rows(service, count)).map(({ message }) => message);

const ended = { code: 0, signal: null };

async function end(child: Child) {
  expect(await child.exited).toEqual(ended);
  return child.lines;
}

describe('loghive/console/register', () => {
  test('is flushed by a handle with the same settings', SLOW, async () => {
    const { service, child } = run(
      `import { patchConsole } from '${dist}/esm/transports/console.js';
console.log('kept'); await patchConsole().flush(); process.kill(process.pid, 'SIGKILL');`,
      { nodeArgs: ['--import', register.esm] },
    );
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await messages(service, 1)).toEqual(['kept']);
  });

  test.each<[string, string, string[]]>([
    ['--import, in a module', 'mjs', ['--import', register.esm]],
    ['--import, in CommonJS', 'cjs', ['--import', register.esm]],
    ['-r, in a module', 'mjs', ['-r', register.cjs]],
    ['-r, in CommonJS', 'cjs', ['-r', register.cjs]],
    ['both', 'mjs', ['-r', register.cjs, '--import', register.esm]],
  ])('%s: what the application prints is recorded once', SLOW, async (_how, extension, nodeArgs) => {
    const { service, child } = run("console.log('one', { a: 1 }); console.error('two');", { extension, nodeArgs });
    expect(await end(child)).toEqual(['one { a: 1 }', 'two']);
    expect(await messages(service, 2)).toEqual(['one { a: 1 }', 'two']);
  });

  test(
    'an application that patches its console as well, by either copy, has one record of each call',
    SLOW,
    async () => {
      const { service, child } = run(
        `import { createRequire } from 'node:module';
const copies = [await import('${dist}/esm/transports/console.js'), createRequire(import.meta.url)('${dist}/cjs/transports/console.js')];
const patched = copies.map(({ patchConsole }) => patchConsole());
console.log('one');
for (const each of patched) each.restore();
console.log(patched[1].stats().accepted);`,
        { nodeArgs: ['--import', register.esm] },
      );
      expect(await end(child)).toEqual(['one', '1']);
      expect(await messages(service, 2)).toEqual(['one', '1']);
    },
  );

  test('by NODE_OPTIONS it is there in child processes as well', SLOW, async () => {
    const { service, child } = run(
      `import { spawnSync } from 'node:child_process';
console.log('parent');
if (process.argv[2] !== 'child') spawnSync(process.execPath, [process.env.FILE, 'child'], { stdio: 'inherit' });`,
      { variables: { NODE_OPTIONS: `--import ${register.esm}` } },
    );
    expect(await end(child)).toEqual(['parent', 'parent']);
    const rows = await stack.rows(service, 2);
    expect(new Set(rows.map(({ information }) => information.pid)).size).toBe(2);
  });

  test('each worker of a cluster records its own', SLOW, async () => {
    const { service, child } = run(
      `import cluster from 'node:cluster';
if (cluster.isPrimary) {
  for (let number = 0; number < 3; number++) cluster.fork();
  console.log('primary');
} else {
  console.log('worker');
  cluster.worker.disconnect();
}`,
      { nodeArgs: ['--import', register.esm] },
    );
    await end(child);
    const rows = await stack.rows(service, 4);
    expect(rows.map(({ message }) => message).sort()).toEqual(['primary', 'worker', 'worker', 'worker']);
    expect(new Set(rows.map(({ information }) => information.pid)).size).toBe(4);
  });

  test('in worker threads it does nothing', SLOW, async () => {
    const { service, child } = run(
      `import { Worker, isMainThread } from 'node:worker_threads';
if (isMainThread) {
  console.log('main');
  for (let number = 0; number < 3; number++) new Worker(new URL(import.meta.url));
  process.once('message', () => process.disconnect());
} else {
  console.log('thread', console.log.toString().includes('native'));
  process.stdin.on('data', () => {});
}`,
      { nodeArgs: ['--import', register.esm] },
    );
    for (let from = 0, seen = 0; seen < 3; seen++) {
      await child.waitForLine(/^thread true$/, 10_000, { from });
      from = child.lines.findIndex((line, at) => at >= from && line === 'thread true') + 1;
    }
    expect(await messages(service, 1)).toEqual(['main']);
    await child.kill();
    expect(await stack.rows(service, 1)).toHaveLength(1);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    [
      'no service',
      { LOGHIVE_SERVICE: '' },
      /the console is not recorded: patchConsole: option "service" is missing\. .*set LOGHIVE_SERVICE\./,
    ],
    [
      'a wrong service',
      { LOGHIVE_SERVICE: 'no such name!' },
      /the console is not recorded: environment variable LOGHIVE_SERVICE is "no such name!", expected a service name/,
    ],
  ])(
    'with %s the application runs as ever, and one line says why nothing is recorded',
    SLOW,
    async (_what, variables, line) => {
      const { child } = run("console.log('as ever');", { nodeArgs: ['--import', register.esm], variables });
      await end(child);
      expect(child.stdout).toEqual(['as ever']);
      expect(child.stderr).toEqual([expect.stringMatching(line)]);
    },
  );

  test('LOGHIVE_ENABLED=false leaves the console as it is', SLOW, async () => {
    const { child } = run('console.log(console.log.toString());', {
      nodeArgs: ['--import', register.esm],
      variables: { LOGHIVE_ENABLED: 'false' },
    });
    expect((await end(child)).join()).toContain('[native code]');
  });
});

describe('beside Winston', () => {
  test.each([
    ['before', 'open(); patch();'],
    ['behind', 'patch(); open();'],
  ])('a Console transport with forceConsole that was made %s the patch makes no loop', SLOW, async (_when, order) => {
    const { service, child } = run(`import winston from 'winston';
import { patchConsole } from '${dist}/esm/transports/console.js';
import { LoghiveTransport } from '${dist}/esm/transports/winston.js';
let patched, logger;
const patch = () => { patched = patchConsole(); };
const open = () => {
  logger = winston.createLogger({ transports: [new winston.transports.Console({ forceConsole: true }), new LoghiveTransport()] });
};
${order}
for (let number = 0; number < 1000; number++) logger.info('by the logger');
console.log('by the console');
await new Promise((resolve) => setTimeout(resolve, 500));
await patched.flush();
process.send(patched.stats().accepted);`);
    const accepted = await child.waitForMessage<number>();
    await end(child);
    // One by the logger's transport; and one by the console where the patch came first.
    const texts = await messages(service, accepted);
    expect(texts.filter((text) => text === 'by the logger')).toHaveLength(1000);
    expect(texts.filter((text) => text === 'by the console')).toHaveLength(1);
    const throughConsole = texts.filter((text) => text.startsWith('{"level":"info"'));
    expect(throughConsole).toHaveLength(order.startsWith('patch') ? 1000 : 0);
    expect(texts).toHaveLength(1001 + throughConsole.length);
    expect(child.stdout).toHaveLength(1001);
  });
});

describe('the end of the process', () => {
  test('a script that reaches its end has everything confirmed', SLOW, async () => {
    const { service, child } = patching("for (let number = 0; number < 500; number++) console.log('record', number);");
    expect(await end(child)).toHaveLength(500);
    expect(await stack.rows(service, 500)).toHaveLength(500);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s: everything is confirmed, and the process dies of it',
    SLOW,
    async (signal) => {
      const { service, child } = patching(
        "setInterval(() => {}, 1000); for (let number = 0; number < 500; number++) console.log('record', number); console.log('up');",
      );
      await child.waitForLine(/^up$/);
      expect(await child.kill(signal)).toEqual({ code: null, signal });
      expect(await stack.rows(service, 501)).toHaveLength(501);
    },
  );

  test("an application's own handler closes the patch, and nothing is lost", SLOW, async () => {
    const { service, child } = patching(
      "const timer = setInterval(() => {}, 1000); process.once('SIGTERM', async () => { console.log('ending'); const { unsent } = await patched.close(); console.log('unsent', unsent); process.exit(3); }); console.log('up');",
    );
    await child.waitForLine(/^up$/);
    expect(await child.kill('SIGTERM')).toEqual({ code: 3, signal: null });
    expect(child.lines).toEqual(['up', 'ending', 'unsent 0']);
    expect(await messages(service, 2)).toEqual(['up', 'ending']);
  });
});
