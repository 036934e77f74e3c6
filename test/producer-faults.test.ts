/** What an application notices of a broker that does not work: one line in the log, and nothing else. */
import http from 'node:http';
import net from 'node:net';
import { expect, test, vi } from 'vitest';
import winston from 'winston';
import type { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { LoghiveTransport } from '../transports/winston.js';
import { freePort } from './support/ports.mjs';
import { onEnd, uniqueName, useBroker, useChild } from './support/use-servers.js';
import { eventually } from './support/wait.mjs';

const broker = await useBroker();
const at = new URL(broker.url).host;
const program = new URL('producer-faults-child.mjs', import.meta.url).pathname;

async function listen(server: net.Server): Promise<{ host: string; taken: () => number }> {
  const sockets: net.Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket.on('error', () => {})));
  onEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${(server.address() as net.AddressInfo).port}`, taken: () => sockets.length };
}

const blackHole = () => listen(net.createServer(() => {}));
const webServer = () => listen(http.createServer((_request, response) => response.end()));

async function useUser(permissions: object): Promise<string> {
  const name = uniqueName('user');
  onEnd(() => broker.admin.deleteUser(name));
  return broker.admin.addUser(name, 'secret', permissions);
}

function useLogger(url: string) {
  const warningLog = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warningLog.mockRestore());
  const transport = new LoghiveTransport({
    service: uniqueName('svc'),
    url,
    socketTimeoutMs: 200,
    exitTimeoutMs: 0,
    handleSignals: false,
    spool: false,
  });
  onEnd(() => transport.close());
  const warnings: LoghiveError[] = [];
  transport.on('warning', (error) => warnings.push(error));
  const logger = winston.createLogger({ transports: [transport] });
  return { transport, logger, warnings, lines: () => warningLog.mock.calls.map(([line]) => line) };
}

test.each<[string, () => Promise<string>, string, RegExp]>([
  [
    'is unreachable',
    async () => `amqp://u:secret@127.0.0.1:${await freePort()}`,
    'LOGHIVE_BROKER_UNREACHABLE',
    /nothing listens there/,
  ],
  [
    'never answers',
    async () => `amqp://u:secret@${(await blackHole()).host}`,
    'LOGHIVE_BROKER_UNREACHABLE',
    /accepted the connection but did not answer/,
  ],
  [
    'is a web server',
    async () => `amqp://u:secret@${(await webServer()).host}`,
    'LOGHIVE_BROKER_UNREACHABLE',
    /does not speak AMQP 0-9-1/,
  ],
  ['speaks no TLS', async () => `amqps://u:secret@${at}`, 'LOGHIVE_BROKER_TLS', /the port does not speak TLS/],
  [
    'refuses the password',
    async () => `amqp://guest:secret@${at}/${broker.vhost}`,
    'LOGHIVE_BROKER_REFUSED',
    /the broker refused user "guest" or the password/,
  ],
  [
    'does not know the vhost',
    async () => `amqp://guest:guest@${at}/nowhere`,
    'LOGHIVE_BROKER_REFUSED',
    /the broker refused the vhost "nowhere"/,
  ],
  [
    'gives no permissions in the vhost',
    async () => (await useUser({ vhost: broker.vhost })).replace(broker.vhost, '%2F'),
    'LOGHIVE_BROKER_REFUSED',
    /the broker refused the vhost "\/": it does not exist, user "user_\w+" has no permissions/,
  ],
])('a broker that %s causes one line in the log of the application', async (_what, url, code, words) => {
  const { transport, logger, warnings, lines } = useLogger(await url());
  for (let n = 0; n < 10; n++) logger.info(`record ${n}`);
  await eventually(() => warnings.length > 0);
  expect(warnings[0]!.code).toBe(code);
  expect(warnings[0]!.message).toMatch(words);
  expect(warnings[0]!.message).toMatch(/Loghive tries again, at least every 30 s\.$/);
  // The next attempt has the same result, which is not reported again.
  const { lastErrorAtMs = 0 } = transport.status().connection;
  const flushing = transport.flush();
  logger.info('another record');
  await eventually(() => {
    const { connection } = transport.status();
    return connection.state === 'waiting' && connection.lastErrorAtMs! > lastErrorAtMs;
  });
  expect(transport.stats()).toMatchObject({ accepted: 11, pending: 11, confirmed: 0 });
  expect(warnings).toHaveLength(1);
  expect(lines()).toEqual([warnings[0]!.message]);
  expect(await transport.close()).toEqual({ confirmed: 0, spooled: 0, unsent: 11 });
  await flushing;
  expect(lines().join('\n')).not.toMatch(/secret|:guest@/);
});

test.each<[string, object, RegExp]>([
  ['publish', { write: '' }, /^the broker refused a message: .*ACCESS_REFUSED/],
  ['declare', { configure: '' }, /^exchange "logs_exchange" does not exist and the user may not declare it/],
])('a missing permission is reported: %s', async (_what, permissions, words) => {
  const own = await useBroker();
  const { logger, transport, warnings, lines } = useLogger(await useUser({ vhost: own.vhost, ...permissions }));
  logger.info('a record');
  await eventually(() => warnings.some(({ message }) => words.test(message)));
  const found = warnings.find(({ message }) => words.test(message))!;
  expect(found.code).toBe('LOGHIVE_BROKER_REFUSED');
  await eventually(() => (transport.status().lanes[0]?.waiting ?? 0) === 1);
  const repeated = lines().filter((line) => line === found.message);
  expect(repeated).toHaveLength(1);
  expect(lines().join('\n')).not.toContain('secret');
});

test('an application whose broker is unreachable works, and ends normally', async () => {
  const port = await freePort();
  const options = { service: 'shop', url: `amqp://u:secret@127.0.0.1:${port}`, exitTimeoutMs: 300 };
  const child = useChild(program, { args: [JSON.stringify(options)] });
  await child.waitForLine(/WARNING amqp:\/\/u:\*\*\*@127\.0\.0\.1:\d+\/: nothing listens there/, 20_000);
  await child.waitForLine(/^it works$/);
  await child.send('end');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual(['it works']);
  expect(child.stderr).toHaveLength(2);
  expect(child.stderr[1]).toMatch(/WARNING \d+ records left on disk in .*: the next process of shop on this machine/);
  expect(child.lines.join('\n')).not.toContain('secret');
});
