/**
 * What Winston expects of a transport: the checks of winston-transport's own tests, of the suite that Winston's
 * transports share (abstract-winston-transport), and of Winston's tests of loggers with transports.
 *
 * Tested elsewhere: levels, `silent`, formats, `finish`, removal, other transports beside it (winston.test.ts); options
 * (winston-options.test.ts); levels by rank, splat, errors, metadata (winston-info.test.ts); hostile values
 * (winston-hostile.test.ts); the end of the process (publisher/exit.test.ts).
 *
 * Not applicable: `query()` and `stream()`, because stored records are read by SQL; `logv()`, because the publisher
 * makes the batches; transports of Winston 2 (`LegacyTransportStream`), files, rotation, colors.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import winston from 'winston';
import Transport from 'winston-transport';
import { LoghiveTransport, type LoghiveTransportOptions } from '../../transports/winston.js';
import { onEnd, useChild } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';

const stack = await useStack(30);

function open(options: Partial<LoghiveTransportOptions> = {}, logger: winston.LoggerOptions = {}) {
  const service = stack.service();
  const transport = new LoghiveTransport({ service, url: stack.broker.url, ...options });
  onEnd(() => transport.close());
  return { service, transport, logger: winston.createLogger({ transports: [transport], ...logger }) };
}

/** All messages, once everything that was logged is confirmed and `count` are stored. */
async function stored({ service, transport }: { service: string; transport: LoghiveTransport }, count: number) {
  await transport.flush();
  expect(transport.stats().dropped).toEqual({});
  return (await stack.rows(service, count)).map(({ message }) => message);
}

const infoOf = (level: string, message: string) => ({ level, message, [Symbol.for('level')]: level });

describe('the transport on its own', () => {
  test('is a Winston transport and a writable stream of objects', () => {
    const { transport } = open();
    expect(transport).toBeInstanceOf(Transport);
    // Its class is that of the npm package readable-stream, not Node's.
    expect(transport.writable).toBe(true);
    expect(transport.write(infoOf('info', 'an object'))).toBe(true);
  });

  test('accepts an info in log() with and without a callback, and emits `logged` with it', async () => {
    const opened = open();
    const logged = once(opened.transport, 'logged');
    const info = infoOf('info', 'first');
    opened.transport.log(info);
    expect(await logged).toEqual([info]);
    await new Promise<void>((resolve) => opened.transport.log(infoOf('info', 'second'), resolve));
    expect(await stored(opened, 2)).toEqual(['first', 'second']);
  });

  test('is not affected by a listener of `logged` that throws', async () => {
    const opened = open();
    opened.transport.on('logged', () => {
      throw new Error('broken listener');
    });
    opened.logger.info('first');
    await sleep(1);
    opened.logger.info('second');
    expect(await stored(opened, 2)).toEqual(['first', 'second']);
  });

  test('filters and formats each record that is written while it is corked', async () => {
    const format = winston.format((info) =>
      info.message === 'unwanted' ? false : { ...info, message: `<${info.message}>` },
    )();
    const opened = open({ level: 'info', format });
    opened.transport.cork();
    for (const [level, message] of [
      ['info', 'a'],
      ['debug', 'too low'],
      ['warn', 'unwanted'],
      ['error', 'b'],
    ] as const) {
      opened.logger.log(level, message);
    }
    expect(opened.transport.stats().accepted).toBe(0);
    opened.transport.uncork();
    expect(await stored(opened, 2)).toEqual(['<a>', '<b>']);
  });
});

describe('back-pressure', () => {
  test('does not occur: nothing waits in the stream, however much is logged in one turn', async () => {
    const { transport, logger } = open();
    for (let number = 0; number < 20_000; number++) {
      logger.info('much', { number });
      if (number % 1000 === 0) expect([transport.writableLength, logger.writableLength]).toEqual([0, 0]);
    }
    expect(transport.write(infoOf('info', 'one more'))).toBe(true);
    await transport.flush();
    const { accepted, confirmed, dropped } = transport.stats();
    const lost = Object.values(dropped).flatMap((reasons) => Object.values(reasons ?? {}));
    expect([accepted, confirmed]).toEqual([20_001, 20_001 - lost.reduce((sum, count) => sum + count, 0)]);
  });

  test('of another transport that does not drain affects it only as far as Winston itself does', async () => {
    let release = () => {};
    const stuck = new (class extends Transport {
      override log(_info: unknown, next: () => void) {
        release = next;
      }
    })();
    const opened = open();
    opened.logger.add(stuck);
    // Winston pauses its pipes when one of them has accepted sixteen records without draining.
    for (let number = 0; number < 16; number++) opened.logger.info(`record ${number}`);
    expect(await stored(opened, 16)).toHaveLength(16);
    release();
  });
});

describe('levels', () => {
  test('of the logger and of the transport can be changed at any time', async () => {
    const opened = open();
    opened.logger.debug('a');
    opened.logger.level = 'debug';
    opened.logger.debug('b');
    opened.transport.level = 'error';
    opened.logger.warn('c');
    opened.logger.error('d');
    opened.transport.silent = true;
    opened.logger.error('e');
    opened.transport.silent = false;
    opened.logger.error('f');
    expect(await stored(opened, 3)).toEqual(['b', 'd', 'f']);
  });

  test('of the transport determine which ones its logger reports as enabled', () => {
    const { logger } = open({ level: 'debug' });
    expect(['info', 'debug', 'silly'].map((level) => logger.isLevelEnabled(level))).toEqual([true, true, false]);
  });

  test('of a logger that is reconfigured are adopted', async () => {
    const opened = open();
    opened.logger.configure({
      levels: { alarm: 0, notice: 1, whisper: 2 },
      level: 'notice',
      transports: [opened.transport],
    });
    for (const level of ['alarm', 'notice', 'whisper']) opened.logger.log(level, level);
    expect(await stored(opened, 2)).toEqual(['alarm', 'notice']);
  });
});

describe('a format', () => {
  test('that throws makes the call throw, as with every transport, and the next record is stored', async () => {
    const format = winston.format((info) => {
      if (info.message === 'bad') throw new Error('a bad format');
      return info;
    })();
    const opened = open({ format });
    expect(() => opened.logger.info('bad')).toThrow('a bad format');
    opened.logger.info('good');
    expect(await stored(opened, 1)).toEqual(['good']);
  });

  test('of the transport does not change what other transports see', async () => {
    const seen: unknown[] = [];
    const beside = new (class extends Transport {
      override log(info: { message: unknown }, next: () => void) {
        seen.push(info.message);
        next();
      }
    })();
    const opened = open({ format: winston.format((info) => Object.assign(info, { message: 'changed' }))() });
    opened.logger.add(beside);
    opened.logger.info('as it was');
    expect(await stored(opened, 1)).toEqual(['changed']);
    expect(seen).toEqual(['as it was']);
  });
});

describe('loggers', () => {
  test('list the transport while they have it', () => {
    const { transport, logger } = open();
    expect(logger.transports).toEqual([transport]);
    const stranger = open().transport;
    logger.remove(stranger);
    expect(logger.transports).toEqual([transport]);
    logger.clear();
    expect(logger.transports).toEqual([]);
  });

  test('do not close the transport when it is unpiped from another logger', async () => {
    const opened = open();
    opened.transport.emit('unpipe', winston.createLogger());
    opened.logger.info('still here');
    expect(await stored(opened, 1)).toEqual(['still here']);
  });

  test('of one container can share the transport', async () => {
    const opened = open();
    const container = new winston.Container({ transports: [opened.transport] });
    for (const name of ['a', 'b', 'c']) container.add(name).info(`of ${name}`);
    container.close('a');
    container.get('b').info('of b again');
    opened.logger.info('of its first');
    await opened.transport.flush();
    expect((await stack.rows(opened.service, 5)).map(({ message }) => message)).toEqual([
      'of a',
      'of b',
      'of c',
      'of b again',
      'of its first',
    ]);
  });

  test('that share the transport are not affected when one of them ends', async () => {
    const opened = open();
    const second = winston.createLogger({ transports: [opened.transport] });
    const errors: unknown[] = [];
    for (const logger of [opened.logger, second]) logger.on('error', (error) => errors.push(error));
    opened.logger.info('by the first');
    const finished = once(opened.logger, 'finish');
    opened.logger.end();
    second.info('by the second');
    await finished;
    // By now Node has removed the pipe to the transport.
    second.info('too late');
    await sleep(10);
    expect(errors).toEqual([]);
    expect((await stack.rows(opened.service, 2)).map(({ message }) => message)).toEqual([
      'by the first',
      'by the second',
    ]);
  });

  test.each(['end', 'destroy'] as const)('are not affected by a transport that was ended by %s()', async (how) => {
    const { transport, logger } = open();
    const errors: unknown[] = [];
    for (const emitter of [transport, logger]) emitter.on('error', (error) => errors.push(error));
    logger.info('before');
    await transport.flush();
    transport[how]();
    logger.info('afterwards');
    await sleep(10);
    expect(errors).toEqual([]);
    expect(transport.stats().accepted).toBe(2);
  });

  test("that are not Winston's can write text", async () => {
    const service = stack.service();
    const transport = new LoghiveTransport({ service, url: stack.broker.url });
    onEnd(() => transport.close());
    transport.write('a line of text');
    expect(await stored({ service, transport }, 1)).toEqual(['a line of text']);
  });

  test('can measure time, and the duration is stored', async () => {
    const opened = open();
    opened.logger.startTimer().done({ message: 'took a while', order: 7 });
    opened.logger.profile('import');
    opened.logger.profile('import');
    await stored(opened, 2);
    expect(await stack.rows(opened.service, 2)).toMatchObject([
      { message: 'took a while', information: { order: 7, durationMs: expect.any(Number) } },
      { message: 'import', information: { durationMs: expect.any(Number) } },
    ]);
  });

  test('get no results from the transport when they are queried', async () => {
    const { logger } = open();
    const answer = await new Promise((resolve, reject) =>
      logger.query({ fields: [] as string[] } as winston.QueryOptions, (error, results) =>
        error ? reject(error) : resolve(results),
      ),
    );
    expect(answer).toEqual({});
  });

  test('emit close when everything is confirmed', async () => {
    const opened = open();
    for (let number = 0; number < 100; number++) opened.logger.info(`record ${number}`);
    const closed = once(opened.logger, 'close');
    opened.logger.close();
    await closed;
    expect(await stored(opened, 100)).toHaveLength(100);
  });
});

describe('uncaught exceptions and unhandled rejections', () => {
  function run(options: string, body: string) {
    const service = stack.service();
    const folder = mkdtempSync(path.join(import.meta.dirname, '.winston-'));
    onEnd(() => rmSync(folder, { recursive: true, force: true }));
    const file = path.join(folder, 'program.mjs');
    const dist = path.resolve(import.meta.dirname, '../../dist/esm/transports/winston.js');
    writeFileSync(
      file,
      `import winston from 'winston';
import { LoghiveTransport } from '${dist}';
const loghive = (options) => new LoghiveTransport(options);
const logger = winston.createLogger({ ${options} });
${body}
`,
    );
    const env = { LOGHIVE_SERVICE: service, LOGHIVE_URL: stack.broker.url };
    return { service, child: useChild(file, { cwd: folder, env }) };
  }

  test.each([
    [
      'handleExceptions',
      'transports: [loghive({ handleExceptions: true })]',
      "throw new Error('nobody catches me');",
      2,
    ],
    ['exceptionHandlers', 'exceptionHandlers: [loghive()]', "throw new Error('nobody catches me');", 1],
    [
      'handleRejections',
      'transports: [loghive({ handleRejections: true })]',
      "void Promise.reject(new Error('nobody catches me'));",
      2,
    ],
  ])('are recorded by %s before the process ends', async (_, options, body, records) => {
    const { service, child } = run(options, `logger.info('before'); ${body}`);
    expect(await child.exited).toMatchObject({ code: 1 });
    const rows = (await stack.rows(service, records)).filter(({ level }) => level === 'ERROR');
    expect(rows).toMatchObject([
      {
        message: expect.stringContaining('nobody catches me'),
        information: { stack: expect.stringContaining('program.mjs') },
      },
    ]);
  });

  test('do not end the process with exitOnError: false', async () => {
    const { service, child } = run(
      'exitOnError: false, transports: [loghive({ handleExceptions: true })]',
      "setTimeout(() => logger.info('afterwards'), 50); throw new Error('nobody catches me');",
    );
    expect(await child.exited).toMatchObject({ code: 0 });
    const rows = await stack.rows(service, 2);
    expect(rows.map(({ level }) => level)).toEqual(['ERROR', 'INFO']);
  });

  test('are not recorded by a transport without these options', async () => {
    const { service, child } = run(
      'transports: [loghive(), new winston.transports.Console({ handleExceptions: true })]',
      "logger.info('before'); setTimeout(() => { throw new Error('nobody catches me'); }, 50);",
    );
    await child.exited;
    expect((await stack.rows(service, 1)).map(({ message }) => message)).toEqual(['before']);
  });
});
