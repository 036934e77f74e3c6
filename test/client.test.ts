import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, expectTypeOf, test, vi } from 'vitest';
import { LoggerClient, type LoggerClientOptions } from '../src/client.js';
import type { LoghiveError } from '../src/errors.js';
import { withContext } from '../src/fields/context.js';
import { hostileValues } from './support/hostile-values.mjs';
import { onEnd, useProxy } from './support/use-servers.js';
import { useSpoolFolder } from './support/use-spool.js';
import { type TestStack, useStack } from './support/use-stack.js';

let stack: TestStack;

beforeAll(async () => {
  stack = await useStack(26);
});

/** Without `hostname` and `pid`, so that `information` has only the fields that were logged. */
function useClient(options: Partial<LoggerClientOptions> = {}) {
  return useClientWithBase({ base: null, ...options });
}

function useClientWithBase(options: Partial<LoggerClientOptions> = {}) {
  const service = stack.service();
  const client = new LoggerClient({ service, url: stack.broker.url, ...options });
  onEnd(() => client.close());
  return { service, client };
}

test('a client stores records of all its levels in the order of the calls', async () => {
  const { service, client } = useClient();
  const names = ['debug', 'info', 'warning', 'error', 'critical', 'trace', 'warn', 'fatal'] as const;
  for (const name of names) client[name](`by ${name}`, { name });
  await client.flush();
  expect(
    (await stack.rows(service, 8)).map(({ level, message, information }) => [level, message, information]),
  ).toEqual([
    ['DEBUG', 'by debug', { name: 'debug' }],
    ['INFO', 'by info', { name: 'info' }],
    ['WARNING', 'by warning', { name: 'warning' }],
    ['ERROR', 'by error', { name: 'error' }],
    ['CRITICAL', 'by critical', { name: 'critical' }],
    ['DEBUG', 'by trace', { name: 'trace', level: 'trace' }],
    ['WARNING', 'by warn', { name: 'warn', level: 'warn' }],
    ['CRITICAL', 'by fatal', { name: 'fatal', level: 'fatal' }],
  ]);
});

test('log() accepts any level: other names are kept, and an unknown one counts as INFO', async () => {
  const { service, client } = useClient();
  for (const level of ['ERROR', 'Info', 'notice', 'odd', 40, undefined, Symbol('s')]) client.log(level as string, 'm');
  await client.flush();
  expect((await stack.rows(service, 7)).map(({ level, information }) => [level, information.level])).toEqual([
    ['ERROR', undefined],
    ['INFO', undefined],
    ['INFO', 'notice'],
    ['INFO', 'odd'],
    ['INFO', '40'],
    ['INFO', 'null'],
    ['INFO', 'Symbol(s)'],
  ]);
});

test('a client stores an error as information.error, whichever argument it was', async () => {
  const { service, client } = useClient();
  const refused = new TypeError('refused', { cause: new Error('limit') });
  client.error(refused);
  client.error('payment failed', refused);
  client.error('payment failed', { error: refused, order: 7 });
  client.error(refused, { order: 7 });
  client.error(refused, new Error('second'));
  client.error(refused, [1, 2]);
  await client.flush();
  const error = { name: 'TypeError', message: 'refused', cause: { message: 'limit' }, stack: expect.any(String) };
  expect(await stack.rows(service, 6)).toMatchObject([
    { message: 'refused', information: { error } },
    { message: 'payment failed', information: { error } },
    { message: 'payment failed', information: { error, order: 7 } },
    { message: 'refused', information: { error, order: 7 } },
    { message: 'refused', information: { error, value: { message: 'second' } } },
    { message: 'refused', information: { error, value: [1, 2] } },
  ]);
});

test("a client's methods can be passed on as functions", async () => {
  const { service, client } = useClient();
  const { info, error } = client;
  await Promise.resolve('each').then(info);
  await Promise.reject(new Error('failed')).catch(error);
  await client.flush();
  expect((await stack.rows(service, 2)).map(({ message }) => message)).toEqual(['each', 'failed']);
});

test('a client adds hostname and pid, unless the option base has other fields', async () => {
  const usual = useClientWithBase();
  const own = useClient({ base: { region: 'eu', pid: 'one' } });
  usual.client.info('m', { order: 7 });
  usual.client.info('m', { hostname: 'mine', pid: null });
  own.client.info('m');
  await Promise.all([usual.client.flush(), own.client.flush()]);
  const rows = await stack.rows(usual.service, 2);
  expect(rows[0]?.information).toEqual({ order: 7, hostname: expect.stringMatching(/./), pid: process.pid });
  expect(rows[1]?.information).toEqual({ hostname: 'mine', pid: null });
  expect((await stack.rows(own.service, 1))[0]?.information).toEqual({ region: 'eu', pid: 'one' });
});

test('many tasks log concurrently, each in its own context', async () => {
  const { service, client } = useClient({ base: { task: 'none', region: 'eu' } });
  const task = (number: number) =>
    withContext({ task: number, list: [number] }, async () => {
      for (let step = 0; step < 5; step++) {
        client.info('step', { step });
        await sleep(number % 3);
      }
      client.info('own wins', { task: 'mine' });
    });
  await Promise.all(Array.from({ length: 50 }, (_, number) => task(number)));
  client.info('outside');
  await client.flush();
  const rows = await stack.rows(service, 301);
  const steps = rows.filter(({ message }) => message === 'step').map(({ information }) => information);
  for (let number = 0; number < 50; number++) {
    const mine = steps.filter((each) => each.task === number);
    expect(mine).toEqual([0, 1, 2, 3, 4].map((step) => ({ step, task: number, list: [number], region: 'eu' })));
  }
  expect(
    rows.filter(({ message }) => message === 'own wins').every(({ information }) => information.task === 'mine'),
  ).toBe(true);
  expect(rows.find(({ message }) => message === 'outside')?.information).toEqual({ task: 'none', region: 'eu' });
});

test('a client hides the fields that redact names', async () => {
  const { service, client } = useClient({ redact: ['password', 'user.card'] });
  client.info('login', { password: 'secret', user: { card: '4111', name: 'a' } });
  await client.flush();
  expect((await stack.rows(service, 1))[0]?.information).toEqual({
    password: '[Redacted]',
    user: { card: '[Redacted]', name: 'a' },
  });
});

test('a client never throws and loses no record, whatever it is given', async () => {
  const { service, client } = useClient({ bufferBytes: 32 * 1024 * 1024 });
  let count = 0;
  for (const { name, make } of hostileValues) {
    const value = make();
    const ways = [
      () => client.info('nested', { value }),
      () => client.info('value', value),
      () => client.info(value),
      () => withContext({ value }, () => client.info('in context')),
    ];
    // Slow values are logged in one way only.
    const some = /MB|million|thousand|300,000|doubles|at every key/.test(name) ? ways.slice(0, 1) : ways;
    for (const log of some) log();
    count += some.length;
    // All of the values together do not fit into the buffer.
    if (client.stats().pendingBytes > 8 * 1024 * 1024) await client.flush();
  }
  await client.flush();
  expect(client.stats()).toMatchObject({ accepted: count, confirmed: count, dropped: {} });
  expect(await stack.rows(service, count)).toHaveLength(count);
});

test('a client keeps the message even if the fields cannot be read', async () => {
  const { service, client } = useClient();
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  client.info('payment failed', proxy);
  await client.flush();
  expect(await stack.rows(service, 1)).toMatchObject([
    { message: 'payment failed', information: { value: expect.stringMatching(/^\[Threw: .*revoked\]$/) } },
  ]);
});

test('an error does not replace a field called error', async () => {
  const { service, client } = useClient();
  client.error(new RangeError('card refused'), { error: 'E42' });
  await client.flush();
  expect(await stack.rows(service, 1)).toMatchObject([
    { information: { error: 'E42', err: { name: 'RangeError', message: 'card refused' } } },
  ]);
});

test('log() accepts values that are no level at all, and never throws', async () => {
  const { service, client } = useClient();
  const levels = [Object.create(null), { toString: 1, valueOf: 2 }, [Object.create(null)], Symbol('s'), 7n, undefined];
  for (const level of levels) client.log(level as string, 'm');
  await client.flush();
  const rows = await stack.rows(service, levels.length);
  expect(new Set(rows.map(({ level }) => level))).toEqual(new Set(['INFO']));
});

test('clients with the same settings share one connection and its counts', async () => {
  const one = useClient({ lingerMs: 9 });
  const two = useClient({ lingerMs: 9 });
  one.client.info('a');
  two.client.info('b');
  await one.client.flush();
  expect(one.client.stats().accepted).toBe(2);
  expect(two.client.stats().confirmed).toBe(2);
  expect(await one.client.close()).toMatchObject({ unsent: 0 });
  two.client.info('c');
  expect(await two.client.close()).toEqual({ confirmed: 2, spooled: 0, unsent: 0 });
});

test('a client sends no record below its level', async () => {
  const { service, client } = useClient({ level: 'warn' });
  const { service: other, client: all } = useClient({ level: undefined });
  for (const each of [client, all]) {
    for (const level of ['debug', 'info', 'notice', 'warning', 'error', 'emerg'] as const) each.log(level, level);
  }
  expect(client.stats().accepted).toBe(9);
  await client.flush();
  expect((await stack.rows(service, 3)).map(({ message }) => message)).toEqual(['warning', 'error', 'emerg']);
  expect(await stack.rows(other, 6)).toHaveLength(6);
});

test('a child adds its fields to every record, unless the record has fields of these names', async () => {
  const { service, client } = useClient();
  const child = client.child({ requestId: 'r1', order: 1 });
  const inner = child.child({ user: 'u', requestId: 'r2' });
  client.info('outer');
  child.info('child', { order: 7 });
  withContext({ requestId: 'context', region: 'eu' }, () => inner.error(new Error('inner')));
  client.child(undefined as never).info('no fields');
  await inner.flush();
  expect(await stack.rows(service, 4)).toMatchObject([
    { message: 'outer', information: {} },
    { message: 'child', information: { requestId: 'r1', order: 7 } },
    {
      message: 'inner',
      information: { requestId: 'r2', order: 1, user: 'u', region: 'eu', error: { message: 'inner' } },
    },
    { message: 'no fields', information: {} },
  ]);
  expect(inner.stats()).toEqual(client.stats());
  expect(await child.close()).toEqual(await client.close());
});

test('a child has the level and the events of its parent, but adds no listeners to it', async () => {
  const client = new LoggerClient({ service: 'shop', url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0, level: 'error' });
  onEnd(() => client.close());
  const children = Array.from({ length: 20 }, (_, number) => client.child({ number }));
  const warnings = children.map((child) => new Promise((resolve) => child.once('warning', resolve)));
  children[0]!.info('below');
  children[0]!.error('sent');
  expect(client.stats().accepted).toBe(1);
  await Promise.all(warnings);
  expect(client.listenerCount('warning')).toBe(0);
});

test("a client also accepts Pino's order of arguments", async () => {
  const { service, client } = useClient();
  client.info({ order: 7 }, 'order placed');
  client.error(new RangeError('card refused'), 'payment failed');
  client.info(['a', 'b'], 'a list');
  client.info('a text', 'another');
  await client.flush();
  expect(await stack.rows(service, 4)).toMatchObject([
    { message: 'order placed', information: { order: 7 } },
    { message: 'payment failed', information: { error: { name: 'RangeError', message: 'card refused' } } },
    { message: 'a list', information: { value: ['a', 'b'] } },
    { message: 'a text', information: { value: 'another' } },
  ]);
});

test.each([
  ['leaves the rest on disk', true, { confirmed: 0, spooled: 1, unsent: 0 }],
  ['drops the rest without a spool', false, { confirmed: 0, spooled: 0, unsent: 1 }],
])('close() waits at most timeoutMs, and %s', async (_what, hasSpool, result) => {
  const proxy = await useProxy(stack.broker.url);
  const { client } = useClient({
    url: proxy.url(stack.broker.url),
    exitTimeoutMs: 8000,
    spool: hasSpool && { dir: useSpoolFolder() },
  });
  await once(client, 'connect');
  proxy.halfOpen();
  client.info('unsent');
  const started = performance.now();
  const closing = client.close({ timeoutMs: 50 });
  expect(await closing).toEqual(result);
  expect(performance.now() - started).toBeLessThan(4000);
  expect(await client.close({ timeoutMs: 8000 })).toBe(await closing);
});

test('onDiagnostic receives the lines that would be written to stderr', async () => {
  const lines: string[] = [];
  const client = new LoggerClient({
    service: 'shop',
    url: 'amqp://127.0.0.1:1',
    exitTimeoutMs: 0,
    spool: false,
    onDiagnostic: (line) => lines.push(line),
  });
  client.info('unsent');
  await vi.waitFor(() =>
    expect(lines).toEqual([expect.stringMatching(/^\[loghive\] \S+ WARNING amqp:.* nothing listens there .*\S$/)]),
  );
  await client.close();
  expect(lines[1]).toMatch(/ ERROR .*unsent at close: shop INFO 1/);
});

test('clients with different onDiagnostic functions do not share a connection', async () => {
  const one = useClient({ onDiagnostic: () => {} });
  const two = useClient({ onDiagnostic: () => {} });
  one.client.info('a');
  expect(two.client.stats().accepted).toBe(0);
});

test('every option may be undefined', () => {
  const options: LoggerClientOptions = {
    service: undefined,
    url: undefined,
    level: undefined,
    enabled: false,
    lingerMs: undefined,
    bufferBytes: undefined,
    maxRecordBytes: undefined,
    exitTimeoutMs: undefined,
    handleSignals: undefined,
    spool: undefined,
    base: undefined,
    redact: undefined,
    onDiagnostic: undefined,
    heartbeatMs: undefined,
    blockedTimeoutMs: undefined,
    socketTimeoutMs: undefined,
    tls: undefined,
    queueType: undefined,
    queueMaxSize: undefined,
    queueMaxBytes: undefined,
    queueMessageTtlMs: undefined,
  };
  const client = new LoggerClient(options);
  void client.flush({ timeoutMs: undefined });
  void client.close({ timeoutMs: undefined });
  expect(() => new LoggerClient({ ...options, tls: { ca: undefined, servername: undefined } })).not.toThrow();
  const spool = { dir: undefined, maxBytes: undefined, mode: undefined, fsync: undefined };
  expect(() => new LoggerClient({ ...options, spool })).not.toThrow();
  expect(() => new LoggerClient({ ...options, redact: { preset: 'http', censor: undefined } })).not.toThrow();
});

test('a client reports problems by events with typed arguments', async () => {
  const client = new LoggerClient({ service: 'shop', url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0 });
  onEnd(() => client.close());
  const warning = new Promise<LoghiveError>((resolve) => {
    client.on('warning', (error) => {
      expectTypeOf(error).toEqualTypeOf<LoghiveError>();
      resolve(error);
    });
  });
  client.info('nobody there');
  expect((await warning).code).toBe('LOGHIVE_BROKER_UNREACHABLE');
  expect(client.status().connection.state).not.toBe('ready');
});

test('a client that is not enabled needs no service and does nothing', async () => {
  const client = new LoggerClient({ enabled: false });
  client.info('nothing');
  expect(client.stats().accepted).toBe(0);
  expect(await client.close()).toEqual({ confirmed: 0, spooled: 0, unsent: 0 });
});

test('an invalid option is refused by name', () => {
  expect(() => new LoggerClient({ service: 'shop', lingerMs: -1 })).toThrow(
    'LoggerClient: option "lingerMs" is -1, expected an integer from 0 to 10000 (milliseconds).',
  );
  expect(() => new LoggerClient({ service: 'shop', base: 'x' as never })).toThrow(
    `LoggerClient: option "base" is text, expected an object of fields such as { region: 'eu' }, or null.`,
  );
  expect(() => new LoggerClient({ service: 'shop', level: 'loud' })).toThrow(
    'LoggerClient: option "level" is "loud", expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL, or a name that stands for one of them (silly, trace,',
  );
  expect(() => new LoggerClient({ service: 'shop', heartbeatS: 60 } as object)).toThrow(
    'LoggerClient: unknown option "heartbeatS". Did you mean "heartbeatMs"?',
  );
  expect(() => new LoggerClient({ service: 'shop', onDiagnostic: 'stderr' as never })).toThrow(
    'LoggerClient: option "onDiagnostic" is text, expected a function (line) => void.',
  );
});
