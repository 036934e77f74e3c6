/**
 * What Pino expects of a transport: the checks of Pino's own tests of transports (test/transport), of its multistream,
 * of pino-abstract-transport and of thread-stream.
 *
 * Tested elsewhere: one target, several, pipelines, the end of a process, `flush`, the logger's configuration, invalid
 * options, long lines (pino-worker.test.ts); chunks, levels, keys, serializers, formatters, `finish`, unpipe, pino-http
 * (pino.test.ts); back-pressure of a hundred thousand lines (many-calls.test.ts).
 *
 * Not applicable: targets that cannot be found or do not export a function, which Pino handles; `pino/file`,
 * pino-pretty; `metadata`, `parse: 'lines'` and `expectPinoConfig`, options of pino-abstract-transport that Loghive
 * does not use; preloading by bundlers; the REPL.
 */
import { once } from 'node:events';
import { Writable } from 'node:stream';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { type LoghivePinoOptions, loghivePino } from '../../transports/pino.js';
import { onEnd } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';
import { pinoPrograms } from './pino-programs.js';

const stack = await useStack(24);
const run = pinoPrograms(stack);
const DONE = { code: 0, signal: null };

function open(options: Partial<LoghivePinoOptions> = {}) {
  const service = stack.service();
  const stream = loghivePino({ service, url: stack.broker.url, ...options });
  onEnd(() => stream.close());
  return { service, stream };
}

const messagesOf = async (service: string, count: number) =>
  (await stack.rows(service, count)).map(({ message }) => message);

describe('in the thread of the application', () => {
  test('lines may have Windows line ends, and the last one may have none', async () => {
    const { service, stream } = open();
    stream.write('{"level":30,"msg":"a"}\r\n{"level":30,"msg":"b"}\n\n{"level":30,"msg":"c"}');
    stream.end();
    await once(stream, 'close');
    expect(await messagesOf(service, 3)).toEqual(['a', 'b', 'c']);
  });

  test('there is no back-pressure: each write is accepted immediately', async () => {
    const { stream } = open();
    const logger = pino(stream);
    for (let number = 0; number < 5000; number++) logger.info({ number });
    expect([stream.stats().accepted, stream.writableLength, stream.writableNeedDrain]).toEqual([5000, 0, false]);
    await stream.flush();
  });

  test('changes of level and bindings apply from then on', async () => {
    const { service, stream } = open();
    const logger = pino({ base: null }, stream);
    logger.debug('a');
    logger.level = 'debug';
    logger.debug('b');
    logger.setBindings({ region: 'eu' });
    logger.child({ request: 1 }, { level: 'warn' }).info('c');
    logger.child({ request: 2 }).info('d');
    logger.level = 'silent';
    logger.fatal('e');
    await stream.flush();
    const rows = await stack.rows(service, 2);
    expect(rows.map(({ message, information }) => [message, information])).toEqual([
      ['b', {}],
      ['d', { region: 'eu', request: 2 }],
    ]);
  });

  test('logger.flush() works without a callback, and calls back while logging continues', async () => {
    const { service, stream } = open();
    const logger = pino(stream);
    logger.info('a');
    expect(() => logger.flush()).not.toThrow();
    const flushed = new Promise<void>((resolve, reject) =>
      logger.flush((error) => (error ? reject(error) : resolve())),
    );
    logger.info('b');
    await flushed;
    expect(stream.stats().confirmed).toBeGreaterThanOrEqual(1);
    expect(await messagesOf(service, 2)).toEqual(['a', 'b']);
  });

  test('the stream can be added to a multistream with dedupe, and gets what no higher stream accepts', async () => {
    const { service, stream } = open();
    const errors: string[] = [];
    const beside = new Writable({
      write(chunk, _encoding, done) {
        errors.push(JSON.parse(String(chunk)).msg);
        done();
      },
    });
    const streams = pino.multistream([{ level: 'error', stream: beside }], { dedupe: true });
    const logger = pino({ base: null }, streams);
    logger.info('before');
    streams.add({ level: 'info', stream });
    logger.info('a');
    logger.error('b');
    await stream.flush();
    expect(await messagesOf(service, 1)).toEqual(['a']);
    expect(errors).toEqual(['b']);
  });

  test('several loggers may write to one stream', async () => {
    const { service, stream } = open();
    const loggers = ['a', 'b', 'c'].map((name) => pino({ name }, stream));
    for (const logger of loggers) logger.info('hello');
    await stream.flush();
    const rows = await stack.rows(service, 3);
    expect(rows.map(({ information }) => information.name)).toEqual(['a', 'b', 'c']);
  });
});

describe('in the worker', () => {
  test('the transport emits ready, accepts records, and emits close when all of them are confirmed', async () => {
    const { child, service } = run(`
      const transport = pino.transport({ target, options });
      transport.once('ready', () => {
        console.log('ready');
        const logger = pino(transport);
        for (let number = 0; number < 100; number++) logger.info({ number }, 'm');
        transport.once('close', () => console.log('closed'));
        transport.end();
      });
      setInterval(() => {}, 1000);`);
    await child.waitForLine(/^closed$/);
    await child.kill('SIGKILL');
    expect(child.lines).toEqual(['ready', 'closed']);
    expect(await stack.rows(service, 100)).toHaveLength(100);
  });

  test.each([
    ['as soon as it is ready', "transport.once('ready', () => { logger.info('m'); process.exit(); });"],
    ['before it is ready', "logger.info('m'); process.exit();"],
    ['before it is ready, in a later turn', "setImmediate(() => { logger.info('m'); process.exit(); });"],
    ['by an unhandled rejection', "logger.info('m'); void Promise.reject(new Error('oops'));"],
  ])('no record is lost when the process ends %s', async (_, body) => {
    const { child, service } = run(
      `const transport = pino.transport({ target, options }); const logger = pino(transport); ${body}`,
    );
    expect(await child.exited).toMatchObject({ signal: null });
    expect(await messagesOf(service, 1)).toEqual(['m']);
  });

  test.each([
    ['a file URL', "pino.transport({ target: new URL('file://' + target).href, options })"],
    ['written synchronously', 'pino.transport({ target, options, sync: true })'],
    [
      'configured with worker options',
      'pino.transport({ target, options, worker: { name: "own", env: { ...process.env } } })',
    ],
  ])('a target that is %s accepts records', async (_, transport) => {
    const { child, service } = run(`const logger = pino(${transport}); logger.info('a'); logger.info('b');`);
    expect([await child.exited, child.lines]).toEqual([DONE, []]);
    expect(await messagesOf(service, 2)).toEqual(['a', 'b']);
  });

  test("the settings can come from the worker's environment alone", async () => {
    const { child, service } = run(`
      const env = { LOGHIVE_SERVICE: options.service, LOGHIVE_URL: options.url };
      const logger = pino(pino.transport({ target, worker: { env } }));
      logger.info('by the environment');`);
    expect([await child.exited, child.lines]).toEqual([DONE, []]);
    expect(await messagesOf(service, 1)).toEqual(['by the environment']);
  });

  test('a process with a synchronous transport loses no flushed record when it is killed', async () => {
    const { child, service } = run(`
      const transport = pino.transport({ target, options, sync: true });
      const logger = pino(transport);
      for (let number = 0; number < 1000; number++) logger.info({ number }, 'm');
      transport.flushSync();
      logger.flush(() => process.kill(process.pid, 'SIGKILL'));`);
    await child.exited;
    expect(await stack.rows(service, 1000)).toHaveLength(1000);
  });

  test.each([
    ['each gets the records of its level', '', ['warned', 'failed']],
    ['with dedupe, only the highest one gets a record', ', dedupe: true', ['warned']],
  ])('among several targets %s', async (_, more, expected) => {
    const { child, service } = run(`
      const file = path.join(import.meta.dirname, 'errors.log');
      const targets = [
        { target, options, level: 'warn' },
        { target: 'pino/file', options: { destination: file }, level: 'error' },
      ];
      const logger = pino(pino.transport({ targets${more} }));
      logger.info('informed');
      logger.warn('warned');
      logger.error('failed');`);
    expect([await child.exited, child.lines]).toEqual([DONE, []]);
    expect(await messagesOf(service, expected.length)).toEqual(expected);
  });

  test('custom levels select among several targets', async () => {
    const { child, service } = run(`
      const levels = { whisper: 5, shout: 55 };
      const targets = [{ target, options, level: 'shout' }, { target: 'pino/file', options: { destination: '/dev/null' } }];
      const transport = pino.transport({ targets, levels });
      const logger = pino({ customLevels: levels, useOnlyCustomLevels: true, level: 'whisper' }, transport);
      logger.whisper('psst');
      logger.shout('HEY');`);
    expect([await child.exited, child.lines]).toEqual([DONE, []]);
    expect(await stack.rows(service, 1)).toMatchObject([
      { level: 'CRITICAL', message: 'HEY', information: { level: 'shout' } },
    ]);
  });

  test('two loggers can each have a transport', async () => {
    const { child, service } = run(`
      for (const name of ['a', 'b']) pino({ name }, pino.transport({ target, options })).info('hello');`);
    expect([await child.exited, child.lines]).toEqual([DONE, []]);
    const rows = await stack.rows(service, 2);
    expect(rows.map(({ information }) => information.name).sort()).toEqual(['a', 'b']);
  });

  test('a logger without references loses no record', async () => {
    const { child, service } = run(`
      function log(number) { pino(pino.transport({ target, options })).info({ number }, 'forgotten'); }
      for (let number = 0; number < 3; number++) log(number);
      globalThis.gc?.();
      await sleep(100);`);
    expect([await child.exited, child.lines]).toEqual([DONE, []]);
    expect(await messagesOf(service, 3)).toEqual(['forgotten', 'forgotten', 'forgotten']);
  });

  test('the transport also works from a worker thread of the application and from a child process', async () => {
    const { child, service } = run(`
      import { fork } from 'node:child_process';
      import { isMainThread, Worker } from 'node:worker_threads';
      const log = (where) => {
        const transport = pino.transport({ target, options });
        pino(transport).info(where);
        transport.end();
      };
      if (!isMainThread) log('thread');
      else if (process.argv[2] === 'child') log('child');
      else {
        new Worker(new URL(import.meta.url));
        fork(import.meta.filename, ['child']);
        log('main');
      }`);
    expect([await child.exited, child.lines]).toEqual([DONE, []]);
    expect((await messagesOf(service, 3)).sort()).toEqual(['child', 'main', 'thread']);
  });
});
