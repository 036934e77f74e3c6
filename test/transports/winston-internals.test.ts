/** Undocumented parts of Winston that Loghive uses: an update that changes any of them fails here. */
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import winston from 'winston';
import Transport from 'winston-transport';
import {
  fieldsAfterLevel,
  hasTokens,
  isAccepted,
  isMarked,
  isWinstonMark,
  LEVEL,
  levelsOf,
  MESSAGE,
  movedIntoLine,
  nameInStack,
  parentOf,
  SPLAT,
  setParent,
  type Written,
} from '../../transports/winston-internals.js';

const tripleBeam = createRequire(createRequire(import.meta.url).resolve('winston'))('triple-beam');
const { format } = winston;

/** The info that a transport receives. */
function infoOf(
  log: (logger: winston.Logger) => unknown,
  options: winston.LoggerOptions = {},
): Record<PropertyKey, unknown> {
  const seen: Array<Record<PropertyKey, unknown>> = [];
  const transport = new Transport({
    log(info, next) {
      seen.push(info);
      next();
    },
  });
  log(winston.createLogger({ ...options, transports: [transport] }));
  return seen[0]!;
}

test("the marks on an info are triple-beam's, and no others", () => {
  const { LEVEL: level, MESSAGE: message, SPLAT: splat } = tripleBeam;
  expect([LEVEL, MESSAGE, SPLAT]).toEqual([level, message, splat]);
  const info = infoOf((logger) => logger.info('a', { b: 1 }), { format: format.json() });
  expect(Object.getOwnPropertySymbols(info).filter((key) => !isWinstonMark(key))).toEqual([]);
  expect(info).toMatchObject({
    [LEVEL]: 'info',
    [SPLAT]: [{ b: 1 }],
    [MESSAGE]: '{"b":1,"level":"info","message":"a"}',
  });
});

describe('an error that is logged on its own', () => {
  test('is the info itself, marked, with what Winston and the formats add after its level', () => {
    const error = Object.assign(new Error('no'), { code: 7 });
    const info = infoOf((logger) => logger.error(error), { defaultMeta: { region: 'eu' }, format: format.timestamp() });
    expect(info).toBe(error);
    expect(isMarked(error)).toBe(true);
    expect(isMarked(new Error('fresh'))).toBe(false);
    expect(fieldsAfterLevel(Object.keys(error))).toEqual(['region', 'timestamp']);
  });

  test.each<[string, (logger: winston.Logger, error: Error) => unknown]>([
    ['a child logger', (logger, error) => logger.child({}).error(error)],
    ['format.errors()', (logger, error) => logger.error(error)],
  ])('has its stack beside the message with %s', (what, log) => {
    const own = what === 'a child logger' ? {} : { format: format.errors({ stack: true }) };
    const { stack, message } = infoOf((logger) => log(logger, new TypeError('no: way')), own);
    expect(nameInStack(stack as string, message as string)).toBe('TypeError');
    expect(nameInStack(stack as string, 'no')).toBeUndefined();
  });
});

test('metadata are merged into the info, but not if the message has placeholders', () => {
  expect(infoOf((logger) => logger.info('a', { b: 1 }))).toHaveProperty('b');
  expect(hasTokens('a')).toBe(false);
  for (const message of ['%s', 'a %d', '%j', '%%']) {
    expect(infoOf((logger) => logger.info(message, { b: 1 }))).not.toHaveProperty('b');
    expect(hasTokens(message)).toBe(true);
  }
});

test('metadata without visible fields are not merged, but are among the arguments', () => {
  const map = new Map([['a', 1]]);
  const info = infoOf((logger) => logger.info('a', map));
  expect(Object.keys(info).sort()).toEqual(['level', 'message']);
  expect(info[SPLAT]).toEqual([map]);
});

test('format.logstash() moves message and timestamp into the line', () => {
  const own = format.combine(format.timestamp({ format: () => 'noon' }), format.logstash());
  const info = infoOf((logger) => logger.info('a'), { format: own });
  expect(info.message).toBeUndefined();
  expect(movedIntoLine(info[MESSAGE])).toEqual({ message: 'a', timestamp: 'noon' });
});

test('a transport knows its logger and the table of levels, and whether a buffered record is accepted', () => {
  const transport = new Transport({ log: (_info, next) => next(), level: 'warn' });
  expect([parentOf(transport), levelsOf(transport)]).toEqual([undefined, undefined]);
  const logger = winston.createLogger({ transports: [transport] });
  expect(parentOf(transport)).toBe(logger);
  expect(levelsOf(transport)).toBe(logger.levels);
  const written = (level: string) => ({ chunk: { level, message: 'a', [LEVEL]: level } }) as unknown as Written;
  expect(['error', 'info'].map((level) => isAccepted(transport, written(level)))).toEqual([true, false]);
  logger.remove(transport);
  expect(parentOf(transport)).toBeNull();
  setParent(transport, logger);
  expect(parentOf(transport)).toBe(logger);
});

test("a transport's own format receives a copy of the visible fields of an info", () => {
  let seen: unknown;
  const look = format((info) => {
    seen = info;
    return info;
  })();
  const transport = new Transport({ format: look, log: (_info, next) => next() });
  const error = Object.assign(new Error('no'), { code: 7 });
  winston.createLogger({ transports: [transport] }).error(error);
  expect(seen).not.toBe(error);
  expect(Object.keys(seen as object)).toEqual(['code', 'level']);
});
