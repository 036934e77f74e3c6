/** The HTTP server of `loghive consume`. */
import net from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../support/ports.mjs';
import { fetched } from '../support/scrape.js';
import { onEnd, useChild } from '../support/use-servers.js';

const main = path.resolve(import.meta.dirname, '../../dist/esm/cli/main.js');
/** Nothing listens at these addresses. */
const servers = ['--url', 'amqp://127.0.0.1:1', '--database-url', 'postgres://u@127.0.0.1:1/x'];

function consume(...args: string[]) {
  const { PATH = '' } = process.env;
  return useChild(main, { args: ['consume', 'shop', ...servers, ...args], env: { PATH }, inheritEnv: false });
}

test('the HTTP server answers probes while the other servers are unreachable, and its address is logged', async () => {
  const child = consume('--http-port', '0');
  const [, port] = await child.waitForLine(/health and metrics: http:\/\/127\.0\.0\.1:(\d+)/);
  expect((await fetched(Number(port), '/livez')).status).toBe(200);
  expect((await fetched(Number(port), '/readyz')).status).toBe(503);
  expect((await fetched(Number(port), '/status')).body).toContain('"state": "preparing"');
  expect(await child.kill('SIGTERM')).toEqual({ code: 0, signal: null });
});

test('loghive consume exits if the given port is in use, naming the command-line option', async () => {
  const port = await freePort();
  const other = net.createServer().listen(port, '127.0.0.1');
  onEnd(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const child = consume('--http-port', String(port));
  expect(await child.exited).toEqual({ code: 1, signal: null });
  expect(child.stderr.join('\n')).toContain(
    `another program is listening on 127.0.0.1:${port}. Set another port with the option --http-port or CONSUMER_HTTP_PORT`,
  );
});

test.each([
  ['http', 2, /option --http-port is "http", expected a port from 1 to 65535/],
  ['65536', 2, /option --http-port is 65536, expected a port/],
])('loghive consume refuses an invalid port: %s', async (port, code, message) => {
  const child = consume('--http-port', port);
  expect((await child.exited).code).toBe(code);
  expect(child.stderr.join('\n')).toMatch(message);
});

test('loghive consume starts no HTTP server if it is turned off', async () => {
  const child = consume('--http-port', 'off');
  await child.waitForLine(/nothing listens/);
  expect(child.lines.join('\n')).not.toContain('health and metrics');
  await child.kill('SIGTERM');
});
