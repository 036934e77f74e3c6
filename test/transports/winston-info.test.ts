import { describe, expect, it } from 'vitest';
import winston from 'winston';
import Transport from 'winston-transport';
import { Omitting } from '../../src/value/omitting.js';
import { type InfoParts, splitInfo, type WinstonInfo } from '../../transports/winston-info.js';

type Parts = InfoParts & { readonly information: Record<PropertyKey, unknown> };

function split(...args: Parameters<typeof splitInfo>): Parts {
  const parts = splitInfo(...args);
  const { information } = parts;
  return { ...parts, information: Omitting.is(information) ? information.copy() : information };
}

/** What the transport would see, taken from a real Winston logger. */
function logged(log: (logger: winston.Logger) => void, options: winston.LoggerOptions = {}): Parts {
  const seen: Parts[] = [];
  const transport = new Transport({
    log(info: WinstonInfo, next: () => void) {
      seen.push(split(info, { defaultMeta: options.defaultMeta }));
      next();
    },
  });
  log(winston.createLogger({ level: 'silly', ...options, transports: [transport] }));
  if (!seen[0]) throw new Error('nothing was logged');
  return seen[0];
}

describe('an info of Winston', () => {
  it('is split into level, message and metadata', () => {
    expect(logged((logger) => logger.info('order placed', { order: 7 }))).toEqual({
      levelName: 'info',
      isPlainLevel: true,
      message: 'order placed',
      information: { order: 7 },
    });
  });

  it('is stored with its level, without the colour that a format added', () => {
    const { levelName } = logged((logger) => logger.warn('hot'), { format: winston.format.colorize() });
    expect(levelName).toBe('warn');
  });

  it('keeps default metadata, and those of child loggers', () => {
    const { information } = logged((logger) => logger.child({ requestId: 'r1' }).info('x', { user: 3 }), {
      defaultMeta: { service: 'from defaultMeta' },
    });
    expect(information).toEqual({ service: 'from defaultMeta', requestId: 'r1', user: 3 });
  });

  it('keeps a timestamp that a format added', () => {
    const { information } = logged((logger) => logger.info('x'), { format: winston.format.timestamp() });
    expect(information.timestamp).toEqual(expect.stringMatching(/^\d{4}-/));
  });

  it('keeps arguments that Winston drops, but not those that format.splat() has used', () => {
    expect(logged((logger) => logger.info('count', 5, 'six')).information).toEqual({ splat: [5, 'six'] });
    const used = logged((logger) => logger.info('count %d of %s', 5, 'six', { extra: 1 }), {
      format: winston.format.splat(),
    });
    expect(used).toMatchObject({ message: 'count 5 of six', information: { extra: 1 } });
    expect(used.information).not.toHaveProperty('splat');
  });

  it('keeps a second object, which Winston does not merge', () => {
    expect(logged((logger) => logger.info('x', { a: 1 }, { b: 2 })).information).toEqual({ a: 1, splat: [{ b: 2 }] });
  });

  it('keeps a field level of the metadata beside the level of the record', () => {
    expect(logged((logger) => logger.info('x', { level: 9 }))).toMatchObject({
      levelName: 'info',
      information: { level: 9 },
    });
  });

  it('has an error that is logged on its own as information.error', () => {
    const error = Object.assign(new Error('boom', { cause: new Error('inner') }), { code: 'E_BOOM' });
    const { message, information } = logged((logger) => logger.error(error));
    expect(message).toBe('boom');
    expect(information.error).toMatchObject({ name: 'Error', message: 'boom', code: 'E_BOOM', cause: error.cause });
    expect((information.error as { stack: string }).stack).toContain('winston-info.test');
    expect(information.error).not.toHaveProperty('level');
  });

  it('has default metadata beside an error that is logged on its own, without the marks of Winston', () => {
    const error = Object.assign(new Error('boom'), { code: 'E_BOOM', self: {} });
    error.self = error;
    const { information } = logged((logger) => logger.error(error), { defaultMeta: { region: 'eu' } });
    expect(information.region).toBe('eu');
    expect(information.error).toEqual({
      name: 'Error',
      message: 'boom',
      stack: error.stack,
      code: 'E_BOOM',
      self: information.error,
    });
    expect(Object.keys(information)).toEqual(['region', 'error']);
  });

  it.each<[string, (logger: winston.Logger, error: Error) => unknown]>([
    ['logger.error(error, metadata)', (logger, error) => logger.error(error as never, { m: 1 })],
    ['logger.log(level, error, metadata)', (logger, error) => logger.log('error', error as never, { m: 1 })],
    ['logger.error({ message: error })', (logger, error) => logger.error({ message: error, m: 1 })],
    [
      'logger.log({ message: error })',
      (logger, error) => logger.log({ level: 'error', message: error as never, m: 1 }),
    ],
  ])('has the error of %s as information.error', (_what, log) => {
    const error = new TypeError('boom');
    expect(logged((logger) => log(logger, error))).toMatchObject({ message: error, information: { error, m: 1 } });
  });

  it.each<[string, (logger: winston.Logger, error: Error) => unknown]>([
    ['logger.error(error)', (logger, error) => logger.error(error)],
    ['logger.error(error, metadata)', (logger, error) => logger.error(error as never, { m: 1 })],
    ['the error of a child logger', (logger, error) => logger.child({}).error(error)],
  ])('has what format.errors() leaves of %s as information.error, and its own fields beside it', (_what, log) => {
    for (const message of ['boom', 'two\nlines: and more', '']) {
      const cause = new Error('inner');
      const error = Object.assign(new TypeError(message, { cause }), { code: 'E_BOOM' });
      const format = winston.format.errors({ stack: true, cause: true });
      const parts = logged((logger) => log(logger, error), { format });
      expect(parts.message).toBe(message);
      expect(parts.information.error).toEqual({ name: 'TypeError', message, stack: error.stack, cause });
      expect(parts.information).toMatchObject({ code: 'E_BOOM' });
      expect(parts.information).not.toHaveProperty('stack');
      expect(parts.information).not.toHaveProperty('cause');
    }
  });

  it('keeps a field stack of the metadata if it is not the stack of the message', () => {
    for (const stack of [
      'Error: another\n    at here',
      'boom\n    at here',
      'Error: boom',
      'Error: boomerang\n    at x',
    ]) {
      expect(logged((logger) => logger.error('boom', { stack })).information).toEqual({ stack });
    }
  });

  it('keeps a number whose digits are only a part of another in the message', () => {
    expect(logged((logger) => logger.info('listening on 8080', 80)).information).toEqual({ splat: [80] });
    const options = { format: winston.format.splat() };
    expect(logged((logger) => logger.info('8080 or %d', 80), options).information).toEqual({});
  });

  it('has an error after a message as information.error, without the copies that Winston made of its parts', () => {
    const error = Object.assign(new TypeError('not a function'), { code: 'E_TYPE' });
    const { message, information } = logged((logger) => logger.error('failed:', error));
    expect(message).toBe('failed: not a function');
    expect(information).toEqual({ error });
  });

  it('keeps an error in the metadata under its own name', () => {
    const err = new Error('boom');
    expect(logged((logger) => logger.error('failed', { err })).information).toEqual({ err });
  });

  it('is not changed', () => {
    const metadata = Object.freeze({ order: 7, nested: Object.freeze({ deep: true }) });
    expect(logged((logger) => logger.info('x', metadata)).information).toEqual(metadata);
  });

  it('may have a field that throws when it is read', () => {
    const info = { level: 'info', message: 'x', [Symbol.for('level')]: 'info' } as unknown as WinstonInfo;
    Object.defineProperty(info, 'bad', {
      enumerable: true,
      get() {
        throw new Error('no');
      },
    });
    expect(split(info).information).toEqual({ bad: '[Threw: no]' });
  });

  it.each<[string, () => unknown]>([
    ['a revoked proxy', () => revoked({})],
    ['a callable revoked proxy', () => revoked(() => {})],
    ['an object without a text', () => Object.create(null)],
    [
      'an error with a field that throws',
      () => Object.defineProperty(new Error('e'), 'bad', { get: thrower, enumerable: true }),
    ],
  ])('may have %s after the message', (_what, make) => {
    expect(logged((logger) => logger.info('order', { a: 1 }, make())).message).toBe('order');
  });

  it('may be an error with a field that throws, logged on its own', () => {
    const error = Object.defineProperty(new Error('declined'), 'bad', { get: thrower, enumerable: true });
    const { information } = logged((logger) => logger.error(error), { format: winston.format((info) => info)() });
    expect(information.error).toMatchObject({ name: 'Error', message: 'declined', bad: '[Threw: no]' });
  });
});

function thrower(): never {
  throw new Error('no');
}

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

it('a long repetitive argument is found quickly in a long repetitive message, and is not lost', () => {
  const argument = `${'a'.repeat(500_000)}b${'a'.repeat(500_000)}`;
  const { information } = logged((logger) => logger.info('a'.repeat(2_000_000), argument));
  expect(information).toEqual({ splat: [argument] });
});
