/** The Pino integration in the application's own thread. In Pino's worker thread: pino-worker.test.ts. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, pipeline, Readable, Transform } from 'node:stream';
import pino from 'pino';
import { pinoHttp } from 'pino-http';
import { beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import type { LoghiveError } from '../../src/errors.js';
import { withContext } from '../../src/fields/context.js';
import loghivePinoDefault, { type LoghivePinoOptions, loghivePino } from '../../transports/pino.js';
import { hostileValues } from '../support/hostile-values.mjs';
import { onEnd } from '../support/use-servers.js';
import { type Row, type TestStack, useStack } from '../support/use-stack.js';

let stack: TestStack;

beforeAll(async () => {
  stack = await useStack(44);
});

function useStream(options: LoghivePinoOptions = {}) {
  const service = stack.service();
  const stream = loghivePino({ service, url: stack.broker.url, ...options });
  onEnd(() => stream.close());
  const errors: unknown[] = [];
  stream.on('error', (error) => errors.push(error));
  return { service, stream, errors };
}

/** The rows of what a logger with these options writes. */
async function rowsOf(
  options: pino.LoggerOptions,
  log: (logger: pino.Logger<string>) => void,
  count = 1,
  integration: LoghivePinoOptions = {},
): Promise<Row[]> {
  const { service, stream } = useStream(integration);
  const logger = pino({ base: null, level: 'trace', ...options }, stream) as unknown as pino.Logger<string>;
  log(logger);
  await stream.flush();
  return stack.rows(service, count);
}

test('loghivePino is also the default export', () => {
  expect(loghivePinoDefault).toBe(loghivePino);
});

test('the stream stores what a logger writes', async () => {
  const { service, stream } = useStream();
  const logger = pino({ name: 'till' }, stream);
  logger.info({ order: 7 }, 'order %s', 'placed');
  logger.child({ requestId: 'r1' }).warn('slow');
  logger.error(new TypeError('refused', { cause: new Error('limit') }), 'payment failed');
  logger.fatal('the end');
  await stream.flush();
  const own = { name: 'till', pid: process.pid, hostname: expect.stringMatching(/./) };
  expect(await stack.rows(service, 4)).toMatchObject([
    { level: 'INFO', message: 'order placed', information: { order: 7, ...own } },
    { level: 'WARNING', message: 'slow', information: { requestId: 'r1', level: 'warn', ...own } },
    {
      level: 'ERROR',
      message: 'payment failed',
      information: { error: { name: 'TypeError', stack: expect.any(String) } },
    },
    { level: 'CRITICAL', message: 'the end', information: { level: 'fatal' } },
  ]);
});

test('records have the time and the order of the calls', async () => {
  const { service, stream } = useStream();
  const logger = pino({}, stream);
  const before = Date.now();
  for (let number = 0; number < 3000; number++) logger.info({ number });
  const after = Date.now();
  await stream.flush();
  const rows = await stack.rows(service, 3000);
  expect(rows.map(({ information }) => information.number)).toEqual(Array.from({ length: 3000 }, (_, n) => n));
  const times = rows.map(({ ts }) => Date.parse(`${ts.replace(' ', 'T')}Z`));
  expect(Math.min(...times)).toBeGreaterThanOrEqual(before);
  expect(Math.max(...times)).toBeLessThanOrEqual(after);
  expect(rows[0]?.information).not.toHaveProperty('time');
});

describe('a line of a logger', () => {
  const at = 1_769_855_445_123;
  const TS = '2026-01-31 10:30:45.123000';

  test.each<[string, pino.LoggerOptions, string]>([
    ['epoch milliseconds', { timestamp: () => `,"time":${at}` }, TS],
    ['epoch seconds', { timestamp: () => `,"time":${Math.floor(at / 1000)}` }, '2026-01-31 10:30:45.000000'],
    ['ISO 8601', { timestamp: () => `,"time":"${new Date(at).toISOString()}"` }, TS],
    [
      'ISO 8601 with nanoseconds',
      { timestamp: () => ',"time":"2026-01-31T10:30:45.123456789Z"' },
      '2026-01-31 10:30:45.123456',
    ],
    ['another name', { timestamp: () => `,"timestamp":${at}` }, TS],
  ])('sets the time of the record: %s', async (_, options, ts) => {
    const [row] = await rowsOf(options, (logger) => logger.info('m'));
    expect(row).toMatchObject({ ts, information: {} });
  });

  test('gets the time of the call if it has none', async () => {
    const before = Date.now();
    const [row] = await rowsOf({ timestamp: false }, (logger) => logger.info('m'));
    expect(Date.parse(`${row!.ts.replace(' ', 'T')}Z`)).toBeGreaterThanOrEqual(before - 1);
  });

  test.each<[string, pino.LoggerOptions, (logger: pino.Logger<string>) => void, object]>([
    [
      'messageKey',
      { messageKey: 'message' },
      (l) => l.info({ msg: 'other' }, 'm'),
      { message: 'm', information: { msg: 'other' } },
    ],
    [
      'errorKey',
      { errorKey: 'problem' },
      (l) => l.info({ problem: new RangeError('far') }, 'm'),
      { information: { error: { name: 'RangeError' } } },
    ],
    [
      'nestedKey',
      { nestedKey: 'payload' },
      (l) => l.info({ order: 7 }, 'm'),
      { message: 'm', information: { payload: { order: 7 } } },
    ],
    ['base', { base: { region: 'eu' } }, (l) => l.info('m'), { information: { region: 'eu' } }],
    ['a mixin', { mixin: () => ({ step: 3 }) }, (l) => l.info('m'), { information: { step: 3 } }],
    [
      'serializers',
      { serializers: { user: ({ id }) => id } },
      (l) => l.info({ user: { id: 'u1', key: 'k' } }),
      { information: { user: 'u1' } },
    ],
    [
      'redaction',
      { redact: ['user.key'] },
      (l) => l.info({ user: { id: 'u1', key: 'k' } }),
      { information: { user: { id: 'u1', key: '[Redacted]' } } },
    ],
    [
      'a formatter of levels',
      { formatters: { level: (label) => ({ level: label.toUpperCase() }) } },
      (l) => l.warn('m'),
      { level: 'WARNING', information: { level: 'WARN' } },
    ],
    [
      'a formatter of the level under another name',
      { formatters: { level: (label) => ({ severity: label }) } },
      (l) => l.warn('m'),
      { level: 'WARNING', information: { level: 'warn' } },
    ],
    [
      'a formatter of bindings',
      { formatters: { bindings: () => ({ host: 'x' }) }, base: undefined as never },
      (l) => l.info('m'),
      { information: { host: 'x' } },
    ],
    ['a prefix', { msgPrefix: '[till] ' }, (l) => l.info('m'), { message: '[till] m' }],
    [
      'child bindings that are overwritten',
      {},
      (l) => l.child({ a: 1 }).info({ a: 2 }, 'm'),
      { information: { a: 2 } },
    ],
    ['line ends', { crlf: true }, (l) => l.info('m'), { message: 'm', information: {} }],
    ['no message', {}, (l) => l.info({ a: 1 }), { message: '', information: { a: 1 } }],
    ['BigInt', {}, (l) => l.info({ n: 1234567890123456789n }), { information: { n: expect.anything() } }],
  ])('is stored by its meaning: %s', async (_, options, log, expected) => {
    const [row] = await rowsOf(options, log);
    expect(row).toMatchObject(expected);
  });

  test('may have a custom level', async () => {
    const options = { customLevels: { audit: 35, chatter: 5 }, level: 'chatter' };
    const rows = await rowsOf(
      options,
      (logger) => {
        (logger as unknown as Record<string, (text: string) => void>).audit!('a');
        (logger as unknown as Record<string, (text: string) => void>).chatter!('c');
        logger.debug('d');
      },
      3,
    );
    expect(rows.map(({ level, information }) => [level, information.level])).toEqual([
      ['WARNING', 'audit'],
      ['DEBUG', 'chatter'],
      ['DEBUG', undefined],
    ]);
  });

  test('keeps the digits of its numbers', async () => {
    const { service, stream } = useStream();
    stream.write('{"level":30,"n":12345678901234567890,"msg":"m"}\n');
    await stream.flush();
    const [row] = await stack.database.query("SELECT information->>'n' AS n FROM logs.records WHERE service = $1", [
      (await stack.rows(service, 1))[0]!.service,
    ]);
    expect(row.n).toBe('12345678901234567890');
  });
});

test('lines that are not JSON are recorded as well, and empty ones are ignored', async () => {
  const { service, stream } = useStream();
  stream.write('hello\n\n  \r\n{"broken\n42\r\n{"level":50,"msg":"json"}\nrest without an end');
  stream.end();
  await once(stream, 'finish');
  expect((await stack.rows(service, 5)).map(({ level, message }) => [level, message])).toEqual([
    ['INFO', 'hello'],
    ['INFO', '{"broken'],
    ['INFO', '42'],
    ['ERROR', 'json'],
    ['INFO', 'rest without an end'],
  ]);
});

test('chunks may end anywhere, within a line or a character', async () => {
  const { service, stream } = useStream();
  const bytes = Buffer.from('{"level":30,"msg":"größer 😀"}\n{"level":40,"msg":"zwei"}\n');
  for (const byte of bytes) stream.write(Buffer.of(byte));
  await stream.flush();
  expect((await stack.rows(service, 2)).map(({ message }) => message)).toEqual(['größer 😀', 'zwei']);
});

describe('the options of an integration', () => {
  test('base and redact also apply to lines', async () => {
    const [row] = await rowsOf({}, (logger) => logger.info({ password: 'x', region: 'own' }, 'm'), 1, {
      base: { region: 'eu', zone: 'a' },
      redact: ['password'],
    });
    expect(row!.information).toEqual({ password: '[Redacted]', region: 'own', zone: 'a' });
  });

  test("messageKey and errorKey take precedence over the logger's own", async () => {
    const { service, stream } = useStream({ messageKey: 'text', errorKey: 'fault' });
    stream.write('{"text":"m","fault":{"type":"E"},"msg":"other"}\n');
    await stream.flush();
    expect(await stack.rows(service, 1)).toMatchObject([
      { message: 'm', information: { error: { name: 'E' }, msg: 'other' } },
    ]);
  });

  test('the fields of a context are added to the record', async () => {
    const [row] = await rowsOf({}, (logger) => withContext({ requestId: 'r1' }, () => logger.info('m')));
    expect(row!.information).toEqual({ requestId: 'r1' });
  });

  test.each([
    [
      { service: 'shop', messageKey: '' },
      `loghivePino: option "messageKey" is "", expected the name of a field, such as 'msg'.`,
    ],
    [
      { service: 'shop', lingerMs: 'x' },
      'loghivePino: option "lingerMs" is "x", expected an integer from 0 to 10000 (milliseconds).',
    ],
    [{ service: 'shop', messagekey: 'x' }, 'loghivePino: unknown option "messagekey".'],
    ['shop', "loghivePino: the options are text, expected an object such as { service: 'shop' }."],
  ])('%j is refused', (options, message) => {
    expect(() => loghivePino(options as LoghivePinoOptions)).toThrow(message);
  });

  test('a record that is too long is cut and marked', async () => {
    const [row] = await rowsOf({}, (logger) => logger.info({ text: 'x'.repeat(5000) }, 'm'), 1, {
      maxRecordBytes: 2048,
    });
    expect(row!.information.text).toMatch(/^x+…\[cut \d+ characters\]$/);
  });
});

describe('the stream', () => {
  test('emits finish when everything is confirmed, then close', async () => {
    const { service, stream } = useStream({ lingerMs: 11 });
    const logger = pino(stream);
    for (let number = 0; number < 5000; number++) logger.info({ number });
    const closed = once(stream, 'close');
    stream.end();
    await once(stream, 'finish');
    expect(stream.stats()).toMatchObject({ accepted: 5000, confirmed: 5000, pending: 0, dropped: {} });
    await closed;
    expect(await stack.rows(service, 5000)).toHaveLength(5000);
  });

  test('has accepted a record when the logging call returns', () => {
    const { stream } = useStream({ lingerMs: 12 });
    const logger = pino(stream);
    logger.info('one');
    expect(stream.stats().accepted).toBe(1);
    logger.info('two');
    expect(stream.stats().accepted).toBe(2);
  });

  test('makes logger.flush call back when everything is confirmed', async () => {
    const { stream } = useStream({ lingerMs: 13 });
    const logger = pino(stream);
    for (let number = 0; number < 100; number++) logger.info('m');
    await new Promise<void>((resolve, reject) => logger.flush((error) => (error ? reject(error) : resolve())));
    expect(stream.stats().confirmed).toBe(100);
  });

  test('counts records that are logged after the end as dropped, without an error', async () => {
    const { stream, errors } = useStream({ lingerMs: 14 });
    const logger = pino(stream);
    logger.info('before');
    expect(await stream.close()).toEqual({ confirmed: 1, spooled: 0, unsent: 0 });
    logger.info('after');
    stream.write('two\nlines\n');
    await new Promise(setImmediate);
    expect(stream.stats().dropped).toEqual({ INFO: { 'logged after close': 3 } });
    expect(errors).toEqual([]);
  });

  test('still sends accepted records when it is destroyed', async () => {
    const { service, stream } = useStream();
    pino(stream).info('taken');
    stream.destroy();
    await once(stream, 'close');
    expect(await stack.rows(service, 1)).toHaveLength(1);
  });

  test('accepts piped data, and continues after unpipe', async () => {
    const { service, stream } = useStream();
    const source = new PassThrough();
    source.pipe(stream);
    source.write('{"level":30,"msg":"piped"}\n');
    await new Promise(setImmediate);
    source.unpipe(stream);
    source.end('{"level":30,"msg":"elsewhere"}\n');
    stream.write('{"level":30,"msg":"written"}\n');
    await stream.flush();
    expect((await stack.rows(service, 2)).map(({ message }) => message)).toEqual(['piped', 'written']);
  });

  test('can be the end of a pipeline', async () => {
    const { service, stream } = useStream();
    const shout = new Transform({
      transform: (chunk, _encoding, done) => done(null, String(chunk).replaceAll('quiet', 'LOUD')),
    });
    const source = Readable.from(Array.from({ length: 2000 }, (_, n) => `{"level":30,"n":${n},"msg":"quiet"}\n`));
    await new Promise<void>((resolve, reject) => {
      pipeline(source, shout, stream, (error) => (error ? reject(error) : resolve()));
    });
    expect(stream.stats()).toMatchObject({ pending: 0, dropped: {} });
    const rows = await stack.rows(service, 2000);
    expect(rows.map(({ message, information }) => [message, information.n])).toEqual(
      Array.from({ length: 2000 }, (_, n) => ['LOUD', n]),
    );
  });

  test('gets the records of its level in pino.multistream', async () => {
    const all = useStream();
    const errors = useStream();
    const logger = pino(
      { level: 'debug' },
      pino.multistream([
        { level: 'debug', stream: all.stream },
        { level: 'error', stream: errors.stream },
      ]),
    );
    logger.debug('d');
    logger.error('e');
    await Promise.all([all.stream.flush(), errors.stream.flush()]);
    expect((await stack.rows(all.service, 2)).map(({ message }) => message)).toEqual(['d', 'e']);
    expect((await stack.rows(errors.service, 1)).map(({ message }) => message)).toEqual(['e']);
  });

  test('works with pino-http', async () => {
    const { service, stream } = useStream();
    const log = pinoHttp({ genReqId: () => 'r7' }, stream);
    const server = createServer((request, response) => {
      log(request, response);
      request.log.info('within');
      response.end('ok');
    });
    onEnd(() => new Promise((resolve) => server.close(resolve)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/path`);
    const rows = await stack.rows(service, 2);
    expect(rows).toMatchObject([
      { message: 'within', information: { req: { id: 'r7', method: 'GET', url: '/path' } } },
      { message: 'request completed', information: { res: { statusCode: 200 }, responseTime: expect.any(Number) } },
    ]);
  });

  test('reports problems by typed events, and never by error', async () => {
    const stream = loghivePino({ service: 'shop', url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0 });
    onEnd(() => stream.close());
    const warning = new Promise<LoghiveError>((resolve) => {
      stream.on('warning', (error) => {
        expectTypeOf(error).toEqualTypeOf<LoghiveError>();
        resolve(error);
      });
    });
    pino(stream).info('nobody there');
    expect((await warning).code).toBe('LOGHIVE_BROKER_UNREACHABLE');
    expect(stream.status().connection.state).not.toBe('ready');
  });

  test('needs no service and does nothing if it is not enabled', async () => {
    const stream = loghivePino({ enabled: false });
    pino(stream).info('nothing');
    expect(stream.stats().accepted).toBe(0);
    stream.end();
    await once(stream, 'finish');
  });
});

test('each hostile value that Pino itself can write becomes one record', { timeout: 60_000 }, async () => {
  // Pino would not finish writing that one, whatever the stream.
  const writable = hostileValues.filter(({ name }) => name !== 'an object whose size doubles at every level');
  const { service, stream, errors } = useStream({ bufferBytes: 128 * 1024 * 1024 });
  let lines = 0;
  const counting = new PassThrough();
  counting.on('data', (chunk) => {
    lines += String(chunk).split('\n').length - 1;
  });
  const logger = pino({ base: null }, pino.multistream([{ stream: counting }, { stream }]));
  for (const { name, make } of writable) {
    try {
      logger.info({ field: make() }, name);
    } catch {
      // Thrown by Pino itself, before it writes to a stream.
    }
    logger.info({ next: true }, `next to ${name}`);
    if (stream.stats().pendingBytes > 32 * 1024 * 1024) await stream.flush();
  }
  await stream.flush();
  await new Promise(setImmediate);
  const rows = await stack.rows(service, lines);
  expect(rows).toHaveLength(lines);
  expect(rows.filter(({ message }) => message.startsWith('next to '))).toHaveLength(writable.length);
  expect(errors).toEqual([]);
});
