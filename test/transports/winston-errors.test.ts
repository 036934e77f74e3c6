/** Errors through real Winston loggers into the table: each field once, and nothing that Winston has written onto them. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import axios, { type AxiosError } from 'axios';
import VError from 'verror';
import { describe, expect, test } from 'vitest';
import winston from 'winston';
import { LoggerClient } from '../../src/client.js';
import { patchConsole } from '../../transports/console.js';
import { LoghiveTransport, type LoghiveTransportOptions } from '../../transports/winston.js';
import { onEnd } from '../support/use-servers.js';
import { type Row, useStack } from '../support/use-stack.js';

const stack = await useStack(1);
const service = stack.service();

const { format } = winston;

interface Options {
  transport?: LoghiveTransportOptions;
  logger?: winston.LoggerOptions;
}

/** The rows of what is logged through a logger with Loghive. */
async function rowsOf(
  log: (logger: winston.Logger) => unknown,
  count = 1,
  { transport: options, logger }: Options = {},
): Promise<Row[]> {
  const transport = new LoghiveTransport({ service, url: stack.broker.url, base: null, ...options });
  onEnd(() => transport.close());
  await log(winston.createLogger({ format: asItIs, ...logger, transports: [transport] }));
  await transport.flush();
  return stack.nextRows(service, count);
}

const asItIs = format((info) => info)();
const refused = () => Object.assign(new Error('card refused'), { code: 'E_CARD', password: 'hunter2' });
const REFUSED = {
  name: 'Error',
  message: 'card refused',
  stack: expect.any(String),
  code: 'E_CARD',
  password: 'hunter2',
};

/** Another logger of the application, which marks what it is handed. */
function elsewhere(options: winston.LoggerOptions = {}): winston.Logger {
  return winston.createLogger({ ...options, transports: [new winston.transports.Console({ silent: true })] });
}

describe('an error that Winston has logged before', () => {
  const formats: Array<[string, winston.Logform.Format]> = [
    ['by its default format', format.json()],
    ['coloured', format.combine(format.colorize(), format.simple())],
    ['coloured throughout', format.combine(format.colorize({ all: true }), format.simple())],
    [
      'in upper case',
      format.combine(format((info) => Object.assign(info, { level: info.level.toUpperCase() }))(), format.json()),
    ],
    ['padded', format.combine(format.padLevels(), format.cli())],
    ['as it is', asItIs],
  ];
  const places: Array<[string, (error: Error) => [string, object], (information: Row['information']) => unknown]> = [
    ['behind a text', (error) => ['failed', error], ({ error }) => error],
    ['in the metadata', (error) => ['failed', { err: error }], ({ err }) => err],
    ['deep in the metadata', (error) => ['failed', { a: [{ err: error }] }], ({ a }) => a[0].err],
    ['as a cause', (error) => ['failed', new Error('outer', { cause: error })], ({ error }) => error.cause],
    ['among the errors of another', (error) => ['failed', new AggregateError([error])], ({ error }) => error.errors[0]],
    [
      'as the reason of a Map',
      (error) => ['failed', { map: new Map([['why', error]]) }],
      ({ map }) => map['[Map]'][0][1],
    ],
  ];

  test.each(formats.flatMap(([name, by]) => places.map(([where, ...place]) => [name, where, by, ...place] as const)))(
    '%s, is stored %s without a mark of it',
    async (_name, _where, by, call, errorIn) => {
      const error = refused();
      elsewhere({ format: by }).warn(error);
      const message = error.message;
      const [row] = await rowsOf((logger) => logger.error(...call(error)));
      expect(errorIn(row!.information)).toEqual({ ...REFUSED, message });
      expect(JSON.stringify(row!.information)).not.toContain('Symbol(');
      expect(row!.level).toBe('ERROR');
    },
  );

  test('is logged on its own again without one', async () => {
    const error = refused();
    const rows = await rowsOf((logger) => logger.error(error).error(error), 2, { logger: { format: format.json() } });
    for (const { information } of rows) expect(information).toEqual({ error: REFUSED });
  });

  test.each(['client', 'console'] as const)('is stored without one by the %s as well', async (integration) => {
    const error = refused();
    elsewhere().warn(error);
    const settings = { service, url: stack.broker.url, base: null };
    if (integration === 'client') {
      const client = new LoggerClient(settings);
      client.error('failed', { error });
      await client.close();
    } else {
      const own = { ...globalThis.console, log() {}, error() {} } as Console;
      const patched = patchConsole({ ...settings, console: own });
      own.error('failed', error);
      await patched.close();
    }
    const [row] = await stack.nextRows(service, 1);
    expect(row!.information).toEqual({ error: REFUSED });
  });

  test('has what redact hides nowhere in the record', async () => {
    const error = refused();
    const redact = ['error.password', 'err.password'];
    const rows = await rowsOf(
      (logger) => logger.error(error).error('failed', error).error('failed', { err: error }),
      3,
      { transport: { redact }, logger: { format: format.json() } },
    );
    for (const { information } of rows) expect(JSON.stringify(information)).not.toContain('hunter2');
  });

  test('has a level of its own where no logger has touched it', async () => {
    const error = Object.assign(new Error('low'), { level: 'low battery' });
    const [row] = await rowsOf((logger) => logger.error('failed', { error }));
    expect(row!.information.error.level).toBe('low battery');
  });

  test('leaves default metadata where they are in every record', async () => {
    const error = refused();
    const options = { logger: { defaultMeta: { region: 'eu' } } };
    const rows = await rowsOf((logger) => logger.error(error).error('failed', error), 2, options);
    expect(rows.map(({ information }) => information.region)).toEqual(['eu', 'eu']);
    expect(rows[0]!.information).toEqual({ region: 'eu', error: REFUSED });
  });
});

test('a plain object that Winston has logged before is stored without a mark', async () => {
  const event = { level: 'warn', message: 'placed', order: 7 };
  const [row] = await rowsOf((logger) => {
    elsewhere().log(event);
    logger.info('again', { event });
  });
  expect(row!.information).toEqual({ event: { level: 'warn', message: 'placed', order: 7 } });
});

test('what a format adds to every record stands beside an error as well, and not in it', async () => {
  const addId = format((info) => Object.assign(info, { requestId: 'r1' }))();
  const [row] = await rowsOf((logger) => logger.error(refused()), 1, {
    logger: { format: format.combine(addId, format.timestamp({ format: () => 'noon' })) },
  });
  expect(row!.information).toEqual({ requestId: 'r1', timestamp: 'noon', error: REFUSED });
});

describe('an error with a toJSON()', () => {
  class Trimmed extends Error {
    override name = 'Trimmed';
    code = 'E_TRIM';
    request = { socket: 'large' };
    readonly json: unknown;
    constructor(json: unknown) {
      super('no');
      this.json = json;
    }
    toJSON() {
      return this.json;
    }
  }
  const stackText = expect.stringContaining('no\n    at ');
  const KEPT = { name: 'Trimmed', message: 'no', stack: stackText, code: 'E_TRIM' };

  test.each<[string, unknown, object]>([
    ['that leaves much out', { status: 403 }, { ...KEPT, status: 403 }],
    ['that gives nothing', {}, KEPT],
    ['that words it otherwise', { message: 'hidden', code: 7 }, { ...KEPT, message: 'hidden', code: 7 }],
    ['that gives a text', 'no at all', { ...KEPT, toJSON: 'no at all' }],
    ['that gives a list', [1], { ...KEPT, toJSON: [1] }],
    ['that gives a cause', { cause: 'the moon' }, { ...KEPT, cause: 'the moon' }],
    ['that nests it', { error: { message: 'no' } }, { ...KEPT, error: { message: 'no' } }],
  ])('%s is stored by it, with what people look for', async (_what, json, expected) => {
    const rows = await rowsOf((logger) => {
      logger.error(new Trimmed(json));
      logger.error('failed', new Trimmed(json));
      logger.error('failed', { error: new Trimmed(json) });
      logger.error('failed', { error: new Error('outer', { cause: new Trimmed(json) }) });
    }, 4);
    expect(rows[0]!.information).toEqual({ error: expected });
    expect(rows[1]!.information).toEqual({ error: expected });
    expect(rows[2]!.information).toEqual({ error: expected });
    expect(rows[3]!.information.error.cause).toEqual(expected);
  });

  test('that throws, or gives undefined, is stored by its own fields', async () => {
    const broken = Object.assign(new Error('no'), {
      order: 7,
      toJSON() {
        throw new Error('broken');
      },
    });
    const empty = Object.assign(new Error('no'), { order: 7, toJSON: () => undefined });
    const rows = await rowsOf((logger) => logger.error('failed', { broken }).error('failed', { empty }), 2);
    expect(rows[0]!.information.broken).toMatchObject({ message: 'no', order: 7, toJSON: expect.anything() });
    expect(rows[1]!.information.empty).toMatchObject({ message: 'no', order: 7 });
  });

  test('of axios is stored once, in every way, small and without its request', async () => {
    const server = http.createServer((_, response) => {
      response.statusCode = 403;
      response.end();
    });
    onEnd(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const failed = () =>
      axios.get(url, { headers: { Authorization: 'Bearer SECRET' } }).then(
        () => expect.unreachable(),
        (error: AxiosError) => error,
      );
    const errors = [await failed(), await failed(), await failed(), await failed()];
    const rows = await rowsOf(
      (logger) => {
        logger.error(errors[0]!);
        logger.error('failed', errors[1]);
        logger.error('failed', { error: errors[2] });
        logger.error('again', errors[0]);
      },
      4,
      { transport: { redact: ['error.config.headers.Authorization'] }, logger: { format: format.json() } },
    );
    for (const { information } of rows) {
      expect(Object.keys(information)).toEqual(['error']);
      expect(information.error).toMatchObject({ name: 'AxiosError', status: 403, config: { url } });
      expect(information.error.stack).toContain('AxiosError: Request failed');
      expect(information.error).not.toHaveProperty('request');
      expect(JSON.stringify(information)).not.toContain('SECRET');
      expect(JSON.stringify(information).length).toBeLessThan(5000);
    }
  });
});

describe('a cause that is a function', () => {
  test('of VError is what it gives, once', async () => {
    const error = new VError({ name: 'Outer', cause: new Error('inner') }, 'outer');
    const rows = await rowsOf((logger) => logger.error(error).error('failed', { error }), 2);
    for (const { information } of rows) {
      expect(information.error.cause).toMatchObject({ name: 'Error', message: 'inner' });
      expect(information.error).not.toHaveProperty('jse_cause');
    }
  });

  test.each<[string, () => unknown, unknown]>([
    ['that gives nothing is left out', () => undefined, undefined],
    [
      'that throws is marked',
      () => {
        throw new Error('no');
      },
      '[Threw: no]',
    ],
    ['that wants an argument is a function', (...[one]: [unknown?]) => one, undefined],
  ])('%s', async (_what, cause, expected) => {
    const [row] = await rowsOf((logger) => logger.error('failed', { error: Object.assign(new Error('e'), { cause }) }));
    expect(row!.information.error.cause).toEqual(expected);
  });
});

test('an error whose errors come from a getter of its class has them once', async () => {
  class Invalid extends Error {
    issues = [{ path: 'a' }];
    get errors() {
      return this.issues;
    }
  }
  const [row] = await rowsOf((logger) => logger.error('failed', { error: new Invalid('no') }));
  expect(row!.information.error.issues).toEqual([{ path: 'a' }]);
  expect(row!.information.error).not.toHaveProperty('errors');
});

describe('an error that is logged on its own through a transport with a format', () => {
  test.each<[string, winston.Logform.Format]>([
    ['that writes JSON', format.combine(format.timestamp({ format: () => 'noon' }), format.json())],
    ['that makes an info of its own', format((info) => ({ ...info, timestamp: 'noon' }))()],
  ])('%s has its message, stack and fields', async (_what, own) => {
    const rows = await rowsOf((logger) => logger.error(refused()).child({ a: 1 }).error('next'), 2, {
      transport: { format: own },
    });
    expect(rows[0]).toMatchObject({ level: 'ERROR', message: 'card refused' });
    expect(rows[0]!.information).toEqual({ timestamp: 'noon', error: REFUSED });
    expect(rows[1]).toMatchObject({ message: 'next', information: { a: 1 } });
  });

  test('has what that has hidden hidden', async () => {
    const hide = format((info) => ({ ...info, password: '***' }))();
    const drop = format((info) => Object.assign(info, { password: undefined }))();
    for (const own of [hide, drop]) {
      const [row] = await rowsOf((logger) => logger.error(refused()), 1, { transport: { format: own } });
      expect(JSON.stringify(row)).not.toContain('hunter2');
      expect(row!.information.error).toMatchObject({ code: 'E_CARD', stack: expect.any(String) });
    }
  });
});
