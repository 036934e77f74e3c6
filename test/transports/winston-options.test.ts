import { expect, test, vi } from 'vitest';
import winston from 'winston';
import { LoghiveError } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { LoghiveTransport, type LoghiveTransportOptions } from '../../transports/winston.js';
import { onEnd } from '../support/use-servers.js';

const refusal = (options: object): string => {
  try {
    new LoghiveTransport({ service: 'shop', enabled: false, ...options } as LoghiveTransportOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(LoghiveError);
    expect((error as LoghiveError).code).toBe('LOGHIVE_INVALID_OPTION');
    return (error as LoghiveError).message;
  }
  throw new Error('it was accepted');
};

test.each<[object, string]>([
  [{ level: 7 }, `option "level" is 7, expected the name of one of the logger's levels, such as 'info'.`],
  [{ level: '' }, `option "level" is "", expected the name of one of the logger's levels, such as 'info'.`],
  [{ silent: 'false' }, 'option "silent" is "false", expected true or false.'],
  [{ handleExceptions: 1 }, 'option "handleExceptions" is 1, expected true or false.'],
  [{ handleRejections: null }, 'option "handleRejections" is null, expected true or false.'],
  [{ format: 'json' }, 'option "format" is text, expected a format of Winston, such as winston.format.json().'],
  [
    { format: winston.format.json },
    'option "format" is a function, expected a format of Winston, such as winston.format.json().',
  ],
  [{ highWaterMark: '16' }, 'option "highWaterMark" is "16", expected an integer from 1 to 1000000 (records).'],
])('an invalid option of Winston is refused like one of Loghive: %j', (options, line) => {
  expect(refusal(options)).toBe(`LoghiveTransport: ${line}`);
});

test.each([['amqp://u:secret@h'], [null], [7], [['shop']]])('options that are %j are refused', (options) => {
  const construct = () => new LoghiveTransport(options as LoghiveTransportOptions);
  expect(construct).toThrow(/^LoghiveTransport: the options are .*, expected an object such as/);
  expect(construct).not.toThrow(/secret/);
});

test("Winston's own options are passed on to it", () => {
  const format = winston.format.json();
  const options = { level: 'warn', silent: true, handleExceptions: true, handleRejections: true, format };
  const transport = new LoghiveTransport({ service: 'shop', enabled: false, ...options, highWaterMark: 5 });
  expect(transport).toMatchObject(options);
  expect(transport.writableHighWaterMark).toBe(5);
  expect(new LoghiveTransport({ service: 'shop', enabled: false }).level).toBeUndefined();
});

test('a level that the logger does not know is reported, because Winston would silently send nothing', () => {
  const warningLog = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warningLog.mockRestore());
  const transport = new LoghiveTransport({ service: 'shop', enabled: false, level: 'warning' });
  const warnings: LoghiveError[] = [];
  transport.on('warning', (error) => warnings.push(error));
  winston.createLogger({ transports: [transport] });
  const line =
    'LoghiveTransport: option "level" is "warning", which its logger does not know, so no record is sent; expected one of error, warn, info, http, verbose, debug, silly.';
  expect(warnings).toMatchObject([{ code: 'LOGHIVE_INVALID_OPTION', message: line }]);
  expect(warningLog.mock.calls).toEqual([[line]]);
});

test('a level that the logger knows is not reported', () => {
  const warningLog = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warningLog.mockRestore());
  const known = new LoghiveTransport({ service: 'shop', enabled: false, level: 'warning' });
  winston.createLogger({ levels: winston.config.syslog.levels, transports: [known] });
  winston.createLogger({ transports: [new LoghiveTransport({ service: 'shop', enabled: false })] });
  expect(warningLog).not.toHaveBeenCalled();
});
