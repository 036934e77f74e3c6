import { once } from 'node:events';
import { Writable } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import winston from 'winston';
import LoghiveTransportDefault, { LoghiveTransport, type LoghiveTransportOptions } from '../../transports/winston.js';
import { onEnd } from '../support/use-servers.js';
import { type TestStack, useStack } from '../support/use-stack.js';

let stack: TestStack;

beforeAll(async () => {
  stack = await useStack(21);
});

function loghive(options: Partial<LoghiveTransportOptions> = {}) {
  const service = stack.service();
  const transport = new LoghiveTransport({ service, url: stack.broker.url, ...options });
  onEnd(() => transport.close());
  return { service, transport };
}

async function end(logger: winston.Logger): Promise<void> {
  const finished = once(logger, 'finish');
  logger.end();
  await finished;
}

describe('the Winston transport', () => {
  it('is the default export as well', () => {
    expect(LoghiveTransportDefault).toBe(LoghiveTransport);
  });

  it('stores what an existing logger writes, beside its other transports', async () => {
    const { service, transport } = loghive();
    const printed: string[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        printed.push(String(chunk));
        done();
      },
    });
    const logger = winston.createLogger({
      defaultMeta: { region: 'eu' },
      transports: [new winston.transports.Stream({ stream }), transport],
    });
    logger.info('order placed', { order: 7 });
    logger.child({ requestId: 'r1' }).warn('slow');
    logger.error('payment failed', new Error('card refused', { cause: new Error('limit') }));
    await end(logger);

    const rows = await stack.rows(service, 3);
    expect(rows).toMatchObject([
      { level: 'INFO', message: 'order placed', information: { order: 7, region: 'eu' } },
      { level: 'WARNING', message: 'slow', information: { requestId: 'r1', region: 'eu', level: 'warn' } },
      {
        level: 'ERROR',
        message: 'payment failed card refused',
        information: { error: { name: 'Error', message: 'card refused', cause: { message: 'limit' } } },
      },
    ]);
    expect(rows[2]?.information.error.stack).toContain('winston.test');
    expect(printed).toHaveLength(3);
  });

  it('has everything confirmed when an ended logger emits finish', async () => {
    const { service, transport } = loghive();
    const logger = winston.createLogger({ transports: [transport] });
    for (let number = 0; number < 5000; number++) logger.info('burst', { number });
    await end(logger);
    expect(transport.stats()).toMatchObject({ accepted: 5000, confirmed: 5000, pending: 0, dropped: {} });
    const rows = await stack.rows(service, 5000);
    expect(rows.map(({ information }) => information.number)).toEqual(
      Array.from({ length: 5000 }, (_, index) => index),
    );
    expect(new Set(rows.map(({ id }) => id)).size).toBe(5000);
  });

  it('applies its own level, the level of its logger, and silent', async () => {
    const own = loghive({ level: 'error' });
    const following = loghive();
    // Different settings, so that it has its own counts: integrations with the same settings share a publisher.
    const silent = loghive({ silent: true, lingerMs: 6 });
    const logger = winston.createLogger({
      level: 'warn',
      transports: [own.transport, following.transport, silent.transport],
    });
    logger.info('info');
    logger.warn('warn');
    logger.error('error');
    await end(logger);
    expect((await stack.rows(own.service, 1)).map(({ message }) => message)).toEqual(['error']);
    expect((await stack.rows(following.service, 2)).map(({ message }) => message)).toEqual(['warn', 'error']);
    expect(silent.transport.stats().accepted).toBe(0);
  });

  it('applies its own format and that of the logger', async () => {
    const { service, transport } = loghive({
      format: winston.format((info) => ({ ...info, message: `${info.message}!` }))(),
    });
    const logger = winston.createLogger({
      format: winston.format.combine(winston.format.splat(), winston.format.json()),
      transports: [transport],
    });
    logger.info('order %d', 7, { paid: true });
    await end(logger);
    expect(await stack.rows(service, 1)).toMatchObject([{ message: 'order 7!', information: { paid: true } }]);
  });

  it.each([
    [
      'npm',
      winston.config.npm.levels,
      { error: 'ERROR', warn: 'WARNING', info: 'INFO', http: 'INFO', verbose: 'DEBUG', debug: 'DEBUG', silly: 'DEBUG' },
    ],
    [
      'syslog',
      winston.config.syslog.levels,
      {
        emerg: 'CRITICAL',
        alert: 'CRITICAL',
        crit: 'CRITICAL',
        error: 'ERROR',
        warning: 'WARNING',
        notice: 'INFO',
        info: 'INFO',
        debug: 'DEBUG',
      },
    ],
    [
      'cli',
      winston.config.cli.levels,
      { error: 'ERROR', warn: 'WARNING', info: 'INFO', debug: 'DEBUG', verbose: 'DEBUG', silly: 'DEBUG' },
    ],
    ['own', { fatal: 0, error: 1, oddity: 2, info: 3, noise: 9 }, { fatal: 'CRITICAL', error: 'ERROR', info: 'INFO' }],
  ])('maps the levels of %s and keeps their names', async (_name, levels, expected) => {
    const { service, transport } = loghive({ level: Object.keys(levels).at(-1)! });
    const logger = winston.createLogger({ levels, level: Object.keys(levels).at(-1)!, transports: [transport] });
    for (const level of Object.keys(levels)) logger.log(level, `a ${level}`);
    await end(logger);
    const rows = await stack.rows(service, Object.keys(levels).length);
    expect(rows.map(({ message }) => message)).toEqual(Object.keys(levels).map((level) => `a ${level}`));
    for (const [level, stored] of Object.entries(expected)) {
      const row = rows.find(({ message }) => message === `a ${level}`);
      expect(row?.level).toBe(stored);
      expect(row?.information.level).toBe(level === stored.toLowerCase() ? undefined : level);
    }
  });

  it('flushes while logging continues', async () => {
    const { service, transport } = loghive();
    const logger = winston.createLogger({ transports: [transport] });
    logger.info('first');
    await transport.flush();
    expect(transport.stats().confirmed).toBe(1);
    logger.info('second');
    await transport.flush();
    await stack.rows(service, 2);
  });

  it('flushes when it is removed from its logger', async () => {
    const { service, transport } = loghive();
    const other = new winston.transports.Console({ silent: true });
    const logger = winston.createLogger({ transports: [transport, other] });
    logger.info('before');
    logger.remove(transport);
    logger.info('after');
    expect(await stack.rows(service, 1)).toMatchObject([{ message: 'before' }]);
    expect((await transport.close()).unsent).toBe(0);
  });

  it('can be added again after it was removed, or after the logger was reconfigured or cleared', async () => {
    const { service, transport } = loghive();
    const logger = winston.createLogger({ transports: [transport] });
    logger.info('made');
    logger.configure({ transports: [transport], defaultMeta: { region: 'eu' } });
    logger.info('configured');
    logger.clear().add(transport);
    logger.info('cleared');
    logger.remove(transport);
    logger.add(transport);
    logger.debug('below the level');
    logger.info('removed');
    await end(logger);
    const rows = await stack.rows(service, 4);
    expect(rows.map(({ message }) => message)).toEqual(['made', 'configured', 'cleared', 'removed']);
    expect(rows.map(({ information }) => information.region)).toEqual([undefined, 'eu', 'eu', 'eu']);
  });

  it('stays open for one logger when another one that shares it is closed', async () => {
    const { service, transport } = loghive();
    const [first, second] = [1, 2].map(() => winston.createLogger({ transports: [transport] }));
    first!.info('by the first');
    first!.close();
    second!.info('by the second');
    await end(second!);
    expect((await stack.rows(service, 2)).map(({ message }) => message)).toEqual(['by the first', 'by the second']);
  });

  it('can be shared by many loggers without a Node warning', async () => {
    const warned: string[] = [];
    const listener = ({ message }: Error) => void warned.push(message);
    process.on('warning', listener);
    onEnd(() => process.off('warning', listener));
    const { service, transport } = loghive();
    const loggers = Array.from({ length: 40 }, () => winston.createLogger({ transports: [transport] }));
    for (const logger of loggers) logger.info('one of many');
    await transport.flush();
    expect(await stack.rows(service, 40)).toHaveLength(40);
    expect(warned).toEqual([]);
  });

  it('is closed for good when the application closes it', async () => {
    const { transport } = loghive();
    const logger = winston.createLogger({ transports: [transport] });
    expect(await transport.close()).toEqual({ confirmed: 0, spooled: 0, unsent: 0 });
    logger.info('too late');
    expect(transport.status().connection.state).toBe('closed');
  });

  it('shares one connection with transports of the same settings, also for other services', async () => {
    const first = loghive();
    const second = loghive();
    const logger = winston.createLogger({ transports: [first.transport, second.transport] });
    logger.info('both');
    await Promise.all([first.transport.flush(), second.transport.flush()]);
    expect(first.transport.stats()).toEqual(second.transport.stats());
    await first.transport.close();
    logger.info('again');
    await second.transport.flush();
    expect(await stack.rows(second.service, 2)).toHaveLength(2);
  });

  it('emits warning while the broker is unreachable, and neither throws nor emits error', async () => {
    const away = { service: 'away', url: 'amqp://127.0.0.1:1', spool: false };
    const transport = new LoghiveTransport({ ...away, exitTimeoutMs: 100 });
    const warned = once(transport, 'warning');
    const logger = winston.createLogger({ transports: [transport] });
    logger.info('nobody listens');
    const [warning] = await warned;
    expect(warning).toMatchObject({ code: 'LOGHIVE_BROKER_UNREACHABLE' });
    expect(transport.status().connection.state).not.toBe('ready');
    await end(logger);
    expect(transport.stats()).toMatchObject({ accepted: 1, dropped: { INFO: { 'unsent at close': 1 } } });
  });

  it('does not pass on what a listener of its warnings throws', () => {
    const { transport } = loghive({ level: 'warning' });
    transport.on('warning', () => {
      throw new Error('broken');
    });
    // Winston's default levels have only 'warn', so this emits a warning.
    expect(() => winston.createLogger({ transports: [transport] })).not.toThrow();
  });

  it('does nothing if it is not enabled', async () => {
    const transport = new LoghiveTransport({ enabled: false });
    const logger = winston.createLogger({ transports: [transport] });
    logger.info('passed over');
    await end(logger);
    expect(transport.stats().accepted).toBe(0);
    expect(transport.status().connection.state).toBe('closed');
  });
});
