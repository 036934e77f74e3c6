/** The patched console in real processes: how it is patched, and how the process ends. */
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
  /** File extension; default 'mjs'. */
  extension?: string;
  variables?: Record<string, string>;
}

/** Runs a script that is configured by its environment. */
function run(body: string, { extension = 'mjs', variables = {}, ...options }: Program = {}) {
  const service = stack.service();
  const folder = mkdtempSync(path.join(import.meta.dirname, '.console-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, `program.${extension}`);
  writeFileSync(file, body);
  const env = { LOGHIVE_SERVICE: service, LOGHIVE_URL: stack.broker.url, FILE: file, ...variables };
  return { service, child: useChild(file, { cwd: folder, env, ...options }) };
}

/** The same, with `patched`, the result of `patchConsole()`. */
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
  test('can be flushed by a handle with the same settings', SLOW, async () => {
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
  ])('records once what the application prints: %s', SLOW, async (_how, extension, nodeArgs) => {
    const { service, child } = run("console.log('one', { a: 1 }); console.error('two');", { extension, nodeArgs });
    expect(await end(child)).toEqual(['one { a: 1 }', 'two']);
    expect(await messages(service, 2)).toEqual(['one { a: 1 }', 'two']);
  });

  test(
    'records each call once even if the application patches its console as well, by either build of Loghive',
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

  test('also records child processes if it is in NODE_OPTIONS', SLOW, async () => {
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

  test('records each worker of a cluster separately', SLOW, async () => {
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

  test('does nothing in worker threads', SLOW, async () => {
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
      'an invalid service',
      { LOGHIVE_SERVICE: 'no such name!' },
      /the console is not recorded: environment variable LOGHIVE_SERVICE is "no such name!", expected a service name/,
    ],
  ])(
    'lets the application run with %s, and reports in one line why nothing is recorded',
    SLOW,
    async (_what, variables, line) => {
      const { child } = run("console.log('as ever');", { nodeArgs: ['--import', register.esm], variables });
      await end(child);
      expect(child.stdout).toEqual(['as ever']);
      expect(child.stderr).toEqual([expect.stringMatching(line)]);
    },
  );

  test('leaves the console unchanged with LOGHIVE_ENABLED=false', SLOW, async () => {
    const { child } = run('console.log(console.log.toString());', {
      nodeArgs: ['--import', register.esm],
      variables: { LOGHIVE_ENABLED: 'false' },
    });
    expect((await end(child)).join()).toContain('[native code]');
  });
});

describe('with Winston', () => {
  test.each([
    ['before', 'open(); patch();'],
    ['after', 'patch(); open();'],
  ])('a Console transport with forceConsole, created %s the patch, causes no loop', SLOW, async (_when, order) => {
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
    // One by the logger's transport, and another one by the console if it was patched first.
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
  test('confirms everything if the script reaches its end', SLOW, async () => {
    const { service, child } = patching("for (let number = 0; number < 500; number++) console.log('record', number);");
    expect(await end(child)).toHaveLength(500);
    expect(await stack.rows(service, 500)).toHaveLength(500);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'confirms everything on %s, which then ends the process',
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

  test('loses nothing if a handler of the application closes the patch', SLOW, async () => {
    const { service, child } = patching(
      "const timer = setInterval(() => {}, 1000); process.once('SIGTERM', async () => { console.log('ending'); const { unsent } = await patched.close(); console.log('unsent', unsent); process.exit(3); }); console.log('up');",
    );
    await child.waitForLine(/^up$/);
    expect(await child.kill('SIGTERM')).toEqual({ code: 3, signal: null });
    expect(child.lines).toEqual(['up', 'ending', 'unsent 0']);
    expect(await messages(service, 2)).toEqual(['up', 'ending']);
  });
});
