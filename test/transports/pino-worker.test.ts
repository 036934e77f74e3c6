/** The Pino integration in Pino's worker thread, in real processes: no record is lost when the process ends. */
import { describe, expect, test } from 'vitest';
import type { Child } from '../support/child.mjs';
import { useStack } from '../support/use-stack.js';
import { pinoPrograms, requiredTarget } from './pino-programs.js';

const stack = await useStack(24);
const run = pinoPrograms(stack);

async function ended(child: Child): Promise<void> {
  expect([await child.exited, child.lines]).toEqual([{ code: 0, signal: null }, []]);
}

const NUMBERS = Array.from({ length: 1000 }, (_, number) => number);
const LOG_NUMBERS = "for (let number = 0; number < 1000; number++) logger.info({ number }, 'm');";
const NULL_FILE = "{ target: 'pino/file', level: 'error', options: { destination: '/dev/null' } }";

async function expectNumbers(service: string): Promise<void> {
  const rows = await stack.rows(service, 1000);
  expect(rows.map(({ information }) => information.number)).toEqual(NUMBERS);
}

describe('a script that ends gets all of its records confirmed', () => {
  test.each([
    ['alone', 'pino.transport({ target, options })'],
    ['by the option transport', '{ transport: { target, options } }'],
    ['as one of several targets', `pino.transport({ targets: [{ target, options }, ${NULL_FILE}] })`],
    [
      'as one of several, with a level',
      `pino.transport({ targets: [{ target, options, level: 'info' }, ${NULL_FILE}] })`,
    ],
    ['in a pipeline', 'pino.transport({ pipeline: [{ target: shout }, { target, options }] })'],
  ])('with the target %s', async (_, transport) => {
    const { child, service } = run(`const logger = pino(${transport}); ${LOG_NUMBERS}`);
    await ended(child);
    await expectNumbers(service);
  });

  test('with the CommonJS target, which Pino finds by name', async () => {
    const { child, service } = run(`const logger = pino(pino.transport({ target, options })); ${LOG_NUMBERS}`, {
      integration: requiredTarget,
    });
    await ended(child);
    await expectNumbers(service);
  });

  test('if it ends by process.exit(), and keeps its exit code', async () => {
    const { child, service } = run(
      `const logger = pino(pino.transport({ target, options })); ${LOG_NUMBERS} process.exit(3);`,
    );
    expect(await child.exited).toEqual({ code: 3, signal: null });
    await expectNumbers(service);
  });

  test('if it ends by an uncaught exception', async () => {
    const { child, service } = run(
      `const logger = pino(pino.transport({ target, options })); await sleep(300); ${LOG_NUMBERS} throw new Error('oops');`,
    );
    expect(await child.exited).toMatchObject({ code: 1 });
    await expectNumbers(service);
  });

  test('with the integration in its own thread', async () => {
    const { child, service } = run(
      `const { loghivePino } = await import(target); const logger = pino(loghivePino(options)); ${LOG_NUMBERS}`,
    );
    await ended(child);
    await expectNumbers(service);
  });
});

test('the result of a transform in the pipeline is stored', async () => {
  const { child, service } = run(
    "const logger = pino(pino.transport({ pipeline: [{ target: shout }, { target, options }] })); logger.warn({ a: 1 }, 'quiet');",
  );
  await ended(child);
  expect(await stack.rows(service, 1)).toMatchObject([{ level: 'WARNING', message: 'QUIET', information: { a: 1 } }]);
});

test.each([
  ['alone', 'pino.transport({ target, options })'],
  [
    'among targets',
    `pino.transport({ targets: [{ target, options, level: 'trace' }, ${NULL_FILE}], levels: { audit: 35 } })`,
  ],
])("the logger's levels, message key and error key are applied, %s", async (_, transport) => {
  const { child, service } = run(`
    const logger = pino({ customLevels: { audit: 35 }, messageKey: 'text', errorKey: 'problem', base: null }, ${transport});
    logger.audit('first');
    logger.info({ problem: new RangeError('far'), msg: 'a field' }, 'second');`);
  await ended(child);
  expect(await stack.rows(service, 2)).toMatchObject([
    { level: 'WARNING', message: 'first', information: { level: 'audit' } },
    {
      level: 'INFO',
      message: 'second',
      information: { msg: 'a field', error: { name: 'RangeError', message: 'far' } },
    },
  ]);
});

test('the message key of a logger that is created long after its transport is applied as well', async () => {
  const { child, service } = run(`
    const transport = pino.transport({ target, options });
    await sleep(800);
    const logger = pino({ messageKey: 'text', base: null }, transport);
    await sleep(100);
    logger.info('late');`);
  await ended(child);
  expect(await stack.rows(service, 1)).toMatchObject([{ message: 'late', information: {} }]);
});

test('a mixin carries the context into the worker', async () => {
  const { child, service } = run(`
    const { contextFields, withContext } = await import(path.join(path.dirname(target), '..', 'src', 'index.js'));
    const logger = pino({ base: null, mixin: () => contextFields() }, pino.transport({ target, options }));
    withContext({ requestId: 'r1' }, () => logger.info({ order: 7 }, 'm'));`);
  await ended(child);
  expect(await stack.rows(service, 1)).toMatchObject([{ information: { requestId: 'r1', order: 7 } }]);
});

test('lines that are written without a logger are stored', async () => {
  const { child, service } = run(`
    const transport = pino.transport({ target, options });
    transport.write('no JSON\\n');
    transport.write('{"level":50,"msg":"json"}\\n');`);
  await ended(child);
  expect((await stack.rows(service, 2)).map(({ level, message }) => [level, message])).toEqual([
    ['INFO', 'no JSON'],
    ['ERROR', 'json'],
  ]);
});

test('logger.flush calls back when everything is confirmed', async () => {
  const { child, service } = run(`
    const logger = pino(pino.transport({ target, options }));
    ${LOG_NUMBERS}
    logger.flush((error) => {
      console.log(error ? error.message : 'flushed');
    });
    setInterval(() => {}, 1000);`);
  await child.waitForLine(/^flushed$/);
  await child.kill('SIGKILL');
  await expectNumbers(service);
});

test('a long line and many lines at once are stored', async () => {
  const { child, service } = run(`
    const logger = pino(pino.transport({ target, options }));
    logger.info({ text: 'x'.repeat(900_000) }, 'long');
    ${LOG_NUMBERS}`);
  await ended(child);
  const rows = await stack.rows(service, 1001);
  expect(rows[0]?.information.text).toHaveLength(900_000);
});

test.each([
  ['left on disk', true, /WARNING 1 record left on disk in /],
  ['lost without a spool', false, /ERROR records dropped: 1 \(unsent at close/],
])(
  'while the broker is unreachable the application runs and ends, and records %s are reported',
  async (_, spool, line) => {
    const { child } = run(
      "const logger = pino(pino.transport({ target, options })); logger.info('m'); await sleep(500);",
      { options: { url: 'amqp://127.0.0.1:1', exitTimeoutMs: 100, spool } },
    );
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.stderr.join('\n')).toMatch(/nothing listens there/);
    expect(child.stderr.join('\n')).toMatch(line);
  },
);

test.each([
  ['lingerMs: -1', /^loghivePino: option "lingerMs" is -1, expected an integer from 0 to 10000 \(milliseconds\)\.$/],
  [
    "spool: { mode: 'always' }",
    /^loghivePino: option "spool" has mode "always", which cannot work in a worker target of Pino\. Use mode "overflow", or/,
  ],
])('the invalid option %s is an error event of the transport, with its message', async (option, message) => {
  const { child } = run(`
    const transport = pino.transport({ target, options: { ...options, ${option} } });
    transport.on('error', (error) => console.log(error.message));`);
  await child.waitForLine(message);
});
