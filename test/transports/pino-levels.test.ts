/** Levels with other names and values than Pino's own, the same in the application's thread and by `loghive pipe`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { ecsFormat } from '@elastic/ecs-pino-format';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { loghivePino } from '../../transports/pino.js';
import { onEnd } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';
import { pinoPrograms } from './pino-programs.js';

const program = path.resolve(import.meta.dirname, '../../dist/esm/cli/main.js');
const stack = await useStack(24);

type Log = Record<string, (...args: unknown[]) => void>;
interface Logger {
  readonly options: pino.LoggerOptions<string>;
  readonly calls: readonly string[];
  readonly levels: readonly string[];
}

const USUAL = {
  calls: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
  levels: ['DEBUG', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'],
};
const CLOUD: Record<string, string> = { trace: 'DEBUG', warn: 'WARNING', fatal: 'EMERGENCY' };
const levelBy = (level: (label: string, number: number) => object): Logger => ({
  options: { formatters: { level } },
  ...USUAL,
});

const loggers: Record<string, Logger> = {
  "Google Cloud's recipe": {
    options: {
      messageKey: 'message',
      formatters: { level: (label) => ({ severity: CLOUD[label] ?? label.toUpperCase() }) },
    },
    ...USUAL,
  },
  'severity beside the number': levelBy((label, level) => ({ severity: label.toUpperCase(), level })),
  'severity as a number': levelBy((_label, severity) => ({ severity })),
  "Elastic's format": { options: ecsFormat() as unknown as pino.LoggerOptions<string>, ...USUAL },
  'log.level by hand': levelBy((label) => ({ 'log.level': label })),
  'an object in an object': levelBy((level) => ({ log: { level } })),
  'labels where numbers are expected': levelBy((level) => ({ level })),
  'labels in upper case': levelBy((label) => ({ level: label.toUpperCase() })),
  'labels in brackets': levelBy((label) => ({ level: `[${label}]` })),
  'numbers as texts': levelBy((_label, number) => ({ level: String(number) })),
  'another name': levelBy((lvl) => ({ lvl })),
};

function log({ options, calls }: Logger, stream: pino.DestinationStream): void {
  const logger = pino({ base: null, level: calls[0] as string, ...options }, stream) as unknown as Log;
  for (const call of calls) logger[call]!({ level: 'gold', n: 1 }, call);
}

describe.each(Object.entries(loggers))('%s', (_name, logger) => {
  test('is recognized in the thread of the application', async () => {
    const service = stack.service();
    const stream = loghivePino({ service, url: stack.broker.url });
    onEnd(() => stream.close());
    log(logger, stream);
    await stream.flush();
    const rows = await stack.rows(service, logger.calls.length);
    expect(rows.map(({ message, level }) => [message, level])).toEqual(
      logger.calls.map((call, at) => [call, logger.levels[at]]),
    );
    for (const { information } of rows) expect(information).toMatchObject({ level: 'gold', n: 1 });
  });
});

test('loghive pipe recognizes all of these levels', async () => {
  const service = stack.service();
  const pipe = spawn(process.execPath, [program, 'pipe', '--service', service, '--url', stack.broker.url], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  onEnd(() => pipe.kill('SIGKILL'));
  for (const logger of Object.values(loggers)) log(logger, pipe.stdin);
  pipe.stdin.end();
  await once(pipe, 'exit');
  const expected = Object.values(loggers).flatMap(({ calls, levels }) => calls.map((call, at) => [call, levels[at]]));
  const rows = await stack.rows(service, expected.length);
  expect(rows.map(({ message, level }) => [message, level])).toEqual(expected);
});

test('custom levels with unknown names are mapped by their rank', async () => {
  const service = stack.service();
  const stream = loghivePino({ service, url: stack.broker.url });
  onEnd(() => stream.close());
  const customLevels = { low: 11, mid: 22, high: 33, doom: 44 };
  const logger = pino({ base: null, level: 'low', customLevels, useOnlyCustomLevels: true }, stream) as unknown as Log;
  for (const call of Object.keys(customLevels)) logger[call]!(call);
  await stream.flush();
  const rows = await stack.rows(service, 4);
  expect(rows.map(({ level, information }) => [level, information.level])).toEqual([
    ['DEBUG', 'low'],
    ['INFO', 'mid'],
    ['ERROR', 'high'],
    ['CRITICAL', 'doom'],
  ]);
});

test("an error in Elastic's format is stored like every other error", async () => {
  const service = stack.service();
  const stream = loghivePino({ service, url: stack.broker.url });
  onEnd(() => stream.close());
  pino(ecsFormat() as pino.LoggerOptions, stream).error(new TypeError('no'), 'failed');
  await stream.flush();
  const [row] = await stack.rows(service, 1);
  expect(row).toMatchObject({ message: 'failed', level: 'ERROR' });
  expect(row!.information.error).toEqual({
    name: 'TypeError',
    message: 'no',
    stack: expect.stringContaining('TypeError: no'),
  });
});

test('the errors of an AggregateError are stored like every other error', async () => {
  const service = stack.service();
  const stream = loghivePino({ service, url: stack.broker.url });
  onEnd(() => stream.close());
  pino(stream).error(new AggregateError([new TypeError('one'), new AggregateError([new RangeError('two')])], 'all'));
  await stream.flush();
  const [row] = await stack.rows(service, 1);
  expect(row!.information.error).toMatchObject({
    name: 'AggregateError',
    errors: [
      { name: 'TypeError', message: 'one' },
      { name: 'AggregateError', errors: [{ name: 'RangeError', message: 'two' }] },
    ],
  });
});

test("a level under another name is recognized in Pino's worker as well", async () => {
  const { child, service } = pinoPrograms(stack)(`
    const options1 = { messageKey: 'message', formatters: { level: (label) => ({ severity: label.toUpperCase() }) } };
    const logger = pino(options1, pino.transport({ target, options }));
    logger.error('an error'); logger.fatal('the end');`);
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect((await stack.rows(service, 2)).map(({ level, message }) => [level, message])).toEqual([
    ['ERROR', 'an error'],
    ['CRITICAL', 'the end'],
  ]);
});
