/** Errors through real Winston loggers into the table: each field is stored once, without the marks of Winston. */
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

/** Another logger of the application, which marks the objects that it logs. */
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
    ['after a text', (error) => ['failed', error], ({ error }) => error],
    ['in the metadata', (error) => ['failed', { err: error }], ({ err }) => err],
    ['deep in the metadata', (error) => ['failed', { a: [{ err: error }] }], ({ a }) => a[0].err],
    ['as a cause', (error) => ['failed', new Error('outer', { cause: error })], ({ error }) => error.cause],
    ['among the errors of another', (error) => ['failed', new AggregateError([error])], ({ error }) => error.errors[0]],
    ['in a Map', (error) => ['failed', { map: new Map([['why', error]]) }], ({ map }) => map['[Map]'][0][1]],
  ];

  test.each(formats.flatMap(([name, by]) => places.map(([where, ...place]) => [name, where, by, ...place] as const)))(
    "%s, is stored %s without Winston's marks",
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

  test('is stored without marks when it is logged on its own again', async () => {
    const error = refused();
    const rows = await rowsOf((logger) => logger.error(error).error(error), 2, { logger: { format: format.json() } });
    for (const { information } of rows) expect(information).toEqual({ error: REFUSED });
  });

  test.each(['client', 'console'] as const)('is stored without marks by the %s as well', async (integration) => {
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

  test('is stored without what redact hides', async () => {
    const error = refused();
    const redact = ['error.password', 'err.password'];
    const rows = await rowsOf(
      (logger) => logger.error(error).error('failed', error).error('failed', { err: error }),
      3,
      { transport: { redact }, logger: { format: format.json() } },
    );
    for (const { information } of rows) expect(JSON.stringify(information)).not.toContain('hunter2');
  });

  test('keeps its own field level if no logger has marked it', async () => {
    const error = Object.assign(new Error('low'), { level: 'low battery' });
    const [row] = await rowsOf((logger) => logger.error('failed', { error }));
    expect(row!.information.error.level).toBe('low battery');
  });

  test('is stored beside default metadata, as in every record', async () => {
    const error = refused();
    const options = { logger: { defaultMeta: { region: 'eu' } } };
    const rows = await rowsOf((logger) => logger.error(error).error('failed', error), 2, options);
    expect(rows.map(({ information }) => information.region)).toEqual(['eu', 'eu']);
    expect(rows[0]!.information).toEqual({ region: 'eu', error: REFUSED });
  });
});

test('a plain object that Winston has logged before is stored without marks', async () => {
  const event = { level: 'warn', message: 'placed', order: 7 };
  const [row] = await rowsOf((logger) => {
    elsewhere().log(event);
    logger.info('again', { event });
  });
  expect(row!.information).toEqual({ event: { level: 'warn', message: 'placed', order: 7 } });
});

test('fields that a format adds to every record are stored beside an error, not in it', async () => {
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
    ['that omits much', { status: 403 }, { ...KEPT, status: 403 }],
    ['that returns an empty object', {}, KEPT],
    ['that changes fields', { message: 'hidden', code: 7 }, { ...KEPT, message: 'hidden', code: 7 }],
    ['that returns a text', 'no at all', { ...KEPT, toJSON: 'no at all' }],
    ['that returns a list', [1], { ...KEPT, toJSON: [1] }],
    ['that adds a cause', { cause: 'the moon' }, { ...KEPT, cause: 'the moon' }],
    ['that nests the error', { error: { message: 'no' } }, { ...KEPT, error: { message: 'no' } }],
  ])('%s is stored as its result, with name, message, stack and code', async (_what, json, expected) => {
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

  test('that throws or returns undefined is stored by its own fields', async () => {
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

  test('is stored once, small and without its request, if it is an error of axios', async () => {
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
  test('is stored as its result, once, if the error is a VError', async () => {
    const error = new VError({ name: 'Outer', cause: new Error('inner') }, 'outer');
    const rows = await rowsOf((logger) => logger.error(error).error('failed', { error }), 2);
    for (const { information } of rows) {
      expect(information.error.cause).toMatchObject({ name: 'Error', message: 'inner' });
      expect(information.error).not.toHaveProperty('jse_cause');
    }
  });

  test.each<[string, () => unknown, unknown]>([
    ['is omitted if it returns nothing', () => undefined, undefined],
    [
      'is marked if it throws',
      () => {
        throw new Error('no');
      },
      '[Threw: no]',
    ],
    ['is a function like any other if it takes an argument', (...[one]: [unknown?]) => one, undefined],
  ])('%s', async (_what, cause, expected) => {
    const [row] = await rowsOf((logger) => logger.error('failed', { error: Object.assign(new Error('e'), { cause }) }));
    expect(row!.information.error.cause).toEqual(expected);
  });
});

test('an error whose errors come from a getter of its class is stored with them once', async () => {
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
    ['that creates a new info', format((info) => ({ ...info, timestamp: 'noon' }))()],
  ])('%s keeps its message, stack and fields', async (_what, own) => {
    const rows = await rowsOf((logger) => logger.error(refused()).child({ a: 1 }).error('next'), 2, {
      transport: { format: own },
    });
    expect(rows[0]).toMatchObject({ level: 'ERROR', message: 'card refused' });
    expect(rows[0]!.information).toEqual({ timestamp: 'noon', error: REFUSED });
    expect(rows[1]).toMatchObject({ message: 'next', information: { a: 1 } });
  });

  test('is stored without what the format has hidden', async () => {
    const hide = format((info) => ({ ...info, password: '***' }))();
    const drop = format((info) => Object.assign(info, { password: undefined }))();
    for (const own of [hide, drop]) {
      const [row] = await rowsOf((logger) => logger.error(refused()), 1, { transport: { format: own } });
      expect(JSON.stringify(row)).not.toContain('hunter2');
      expect(row!.information.error).toMatchObject({ code: 'E_CARD', stack: expect.any(String) });
    }
  });
});
