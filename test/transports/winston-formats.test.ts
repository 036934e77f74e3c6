/** Messages and levels that formats change, and metadata that Winston cannot merge, through real loggers. */
import { describe, expect, test } from 'vitest';
import winston from 'winston';
import { LoggerClient } from '../../src/client.js';
import { LoghiveTransport, type LoghiveTransportOptions } from '../../transports/winston.js';
import { onEnd } from '../support/use-servers.js';
import { type Row, useStack } from '../support/use-stack.js';

const stack = await useStack(1);
const service = stack.service();

const { format } = winston;

async function rowsOf(
  log: (logger: winston.Logger) => unknown,
  options: { transport?: LoghiveTransportOptions; logger?: winston.LoggerOptions } = {},
  count = 1,
): Promise<Row[]> {
  const transport = new LoghiveTransport({ service, url: stack.broker.url, base: null, ...options.transport });
  onEnd(() => transport.close());
  log(winston.createLogger({ ...options.logger, transports: [transport] }));
  await transport.flush();
  return stack.nextRows(service, count);
}

describe('a message that a format has moved into its output is found there', () => {
  const without = (make: (text: string) => string) =>
    format((info) => {
      const { message, ...rest } = info;
      return {
        ...rest,
        [Symbol.for('level')]: info[Symbol.for('level')],
        [Symbol.for('message')]: make(String(message)),
      } as never;
    })();

  test.each<[string, winston.Logform.Format]>([
    ['logstash', format.combine(format.timestamp(), format.logstash())],
    ['a line of text', without((text) => text)],
    ['JSON of its own', without((text) => JSON.stringify({ '@timestamp': 1, msg: text }))],
    ['GELF', without((text) => JSON.stringify({ version: '1.1', short_message: text }))],
  ])('with the format %s of the logger or of the transport', async (_name, own) => {
    for (const options of [{ logger: { format: own } }, { transport: { format: own } }]) {
      const [row] = await rowsOf((logger) => logger.warn('order placed', { order: 7 }), options);
      expect(row).toMatchObject({ level: 'WARNING', message: 'order placed', information: { order: 7 } });
    }
  });

  test('with its timestamp, if the format is logstash', async () => {
    const own = format.combine(format.timestamp({ format: () => 'noon' }), format.logstash());
    const [row] = await rowsOf((logger) => logger.info('m'), { logger: { format: own } });
    expect(row!.information).toEqual({ timestamp: 'noon' });
  });

  test('for an error that is logged on its own, if the format is logstash', async () => {
    const [row] = await rowsOf((logger) => logger.error(new TypeError('no')), {
      logger: { format: format.logstash() },
    });
    expect(row).toMatchObject({ message: 'no', information: { error: { name: 'TypeError', message: 'no' } } });
  });

  test('and none is invented if there was none', async () => {
    const [row] = await rowsOf((logger) => logger.log({ level: 'info', order: 7 } as never), {
      logger: { format: format.json() },
    });
    expect(row).toMatchObject({ message: '', information: { order: 7 } });
  });
});

describe('a record keeps its level if a format of the transport creates a new info', () => {
  test.each<[string, (level: string) => unknown]>([
    ['coloured', (level) => `\x1b[31m${level}\x1b[39m`],
    ['coloured in upper case', (level) => `\x1b[1;31m${level.toUpperCase()}\x1b[0m`],
    ['padded', (level) => level.padEnd(8)],
    ['in brackets', (level) => `[${level.toUpperCase()}]`],
    ['with a colon', (level) => `${level}:`],
    ['with a symbol', (level) => `✖ ${level}`],
    ['with a label', (level) => `[shop] ${level}`],
    ['as a letter', (level) => level[0]],
    ['missing', () => undefined],
    ['as a number', () => 50],
  ])('with its level %s', async (_name, written) => {
    const own = format(({ level, message }) => ({ level: written(level), message }) as never)();
    const rows = await rowsOf((logger) => logger.error('no').info('fine'), { transport: { format: own } }, 2);
    expect(rows.map(({ level, message }) => [level, message])).toEqual([
      ['ERROR', 'no'],
      ['INFO', 'fine'],
    ]);
  });

  test('with the name and rank of a custom level', async () => {
    const own = format(({ level, message }) => ({ level: `\x1b[31m${level.toUpperCase()}\x1b[39m`, message }))();
    const [row] = await rowsOf((logger) => logger.log('audit', 'm'), {
      transport: { format: own },
      logger: { levels: { error: 0, audit: 1, info: 6 }, level: 'info' },
    });
    expect(row).toMatchObject({ level: 'ERROR', information: { level: 'audit' } });
  });

  test('unless the format changes it', async () => {
    const own = format(({ message }) => ({ level: 'error', message }))();
    const [row] = await rowsOf((logger) => logger.info('m'), { transport: { format: own } });
    expect(row!.level).toBe('ERROR');
  });
});

describe('metadata that Winston cannot merge are stored as LoggerClient stores them', () => {
  class Hidden {
    #cents = 1250;
    toString() {
      return `${this.#cents / 100} EUR`;
    }
  }
  class Bare {
    #secret = 1;
    get secret() {
      return this.#secret;
    }
  }
  class Document {
    $isNew = true;
    _doc = { a: 1 };
    toJSON() {
      return { a: 1 };
    }
  }
  class Order {
    id = 7;
  }
  test.each<[string, () => object]>([
    ['a Map', () => new Map([['a', 1]])],
    ['a Set', () => new Set([1])],
    ['a Date', () => new Date(0)],
    ['an invalid Date', () => new Date(Number.NaN)],
    ['a URL', () => new URL('http://h/p')],
    ['URLSearchParams', () => new URLSearchParams('a=1')],
    ['Headers', () => new Headers({ a: '1' })],
    ['a Response', () => new Response('body', { status: 503 })],
    ['a Buffer', () => Buffer.from('abc')],
    ['a typed array', () => Float64Array.of(0.5)],
    ['a list', () => [1, { a: 2 }]],
    ['an empty list', () => []],
    ['a RegExp', () => /a/g],
    ['a promise', () => Promise.resolve()],
    ['an object with private fields and a toString', () => new Hidden()],
    ['an object with private fields alone', () => new Bare()],
    ['a class with a toJSON', () => new Document()],
    ['a class with fields', () => new Order()],
    ['a boxed text', () => Object('text')],
    ['an object without a prototype', () => Object.assign(Object.create(null), { a: 1 })],
  ])('if they are %s', async (_name, make) => {
    const client = new LoggerClient({ service, url: stack.broker.url, base: null });
    client.info('m', make());
    await client.close();
    const [expected] = await stack.nextRows(service, 1);
    const [row] = await rowsOf((logger) => logger.info('m', make()), { logger: { format: format((info) => info)() } });
    expect(row!.information).toEqual(expected!.information);
  });

  test('beside default metadata', async () => {
    const [row] = await rowsOf((logger) => logger.info('m', new Map([['a', 1]])), {
      logger: { defaultMeta: { region: 'eu' } },
    });
    expect(row!.information).toEqual({ region: 'eu', '[Map]': [['a', 1]] });
  });

  test('even if the message has placeholders that no format fills', async () => {
    const rows = await rowsOf((logger) => logger.info('%s', { a: 1 }).info('%d', new Map([['a', 1]])), {}, 2);
    expect(rows.map(({ information }) => information)).toEqual([{ a: 1 }, { '[Map]': [['a', 1]] }]);
  });

  test('without what a format has removed from them', async () => {
    class Login {
      user = 'a';
      password = 'hunter2';
    }
    const drop = format((info) => {
      delete info.password;
      return info;
    })();
    const [row] = await rowsOf((logger) => logger.info('m', new Login()), { logger: { format: drop } });
    expect(row!.information).toEqual({ user: 'a' });
  });
});
