/** Whether and where the HTTP server listens. */
import net from 'node:net';
import { expect, test, vi } from 'vitest';
import { consumerConfig } from '../../../consumer/config.js';
import { DEFAULT_HTTP_PORT } from '../../../consumer/http/settings.js';
import { createConsumer } from '../../../consumer/index.js';
import { noFigures } from '../../../consumer/metrics/snapshot.js';
import { Monitoring } from '../../../consumer/monitoring.js';
import { internalLogger } from '../../../src/internal-logger.js';
import { freePort } from '../../support/ports.mjs';
import { useEnvironment } from '../../support/use-environment.js';
import { onEnd } from '../../support/use-servers.js';

const servers = { url: 'amqp://127.0.0.1:1', databaseUrl: 'postgres://127.0.0.1:1/x' };

function httpOf(options = {}, isDefault = false) {
  return consumerConfig('createConsumer', ['shop'], { ...servers, ...options }, isDefault).http;
}

async function useTakenPort(): Promise<number> {
  const port = await freePort();
  const server = net.createServer().listen(port, '127.0.0.1');
  onEnd(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return port;
}

test('only the command opens a port by default, on loopback; a library call does not', () => {
  useEnvironment();
  expect(httpOf()).toBeUndefined();
  expect(httpOf({}, true)).toEqual({ host: '127.0.0.1', port: DEFAULT_HTTP_PORT, isDefaultPort: true });
  expect(httpOf({ httpPort: false }, true)).toBeUndefined();
  expect(httpOf({ httpPort: 0 })).toEqual({ host: '127.0.0.1', port: 0, isDefaultPort: false });
  expect(httpOf({ httpHost: '0.0.0.0' })).toEqual({ host: '0.0.0.0', port: 7464, isDefaultPort: true });
});

test('the environment can also enable it or turn it off', () => {
  useEnvironment({ CONSUMER_HTTP_PORT: '8080', CONSUMER_HTTP_HOST: '::' });
  expect(httpOf()).toEqual({ host: '::', port: 8080, isDefaultPort: false });
  useEnvironment({ CONSUMER_HTTP_PORT: 'off' });
  expect(httpOf({}, true)).toBeUndefined();
});

test('an invalid port in the environment is logged, and the default is used', () => {
  const { warnings } = useEnvironment({ CONSUMER_HTTP_PORT: 'http' });
  expect(httpOf({}, true)).toMatchObject({ port: 7464 });
  expect(warnings()).toEqual([
    'environment variable CONSUMER_HTTP_PORT is "http", expected a port from 1 to 65535, 0 for any free port, or false (on the command line: off) for no server; it is ignored. Correct it or set the option "httpPort".',
  ]);
});

test.each<[object, RegExp]>([
  [{ httpPort: 65_536 }, /option "httpPort" is 65536, expected a port from 1 to 65535/],
  [{ httpPort: 'off' }, /option "httpPort" is "off", expected a port/],
  [{ httpHost: 'a b' }, /option "httpHost" is "a b", expected an address of this machine/],
])('options that are no address are refused: %j', (options, message) => {
  useEnvironment();
  expect(() => httpOf(options)).toThrow(message);
});

test('a configured port that is in use is fatal, and the error says what to do', async () => {
  useEnvironment();
  const port = await useTakenPort();
  const consumer = createConsumer(['shop'], { ...servers, httpPort: port });
  await expect(consumer.start()).rejects.toMatchObject({
    code: 'LOGHIVE_PORT_TAKEN',
    message: `another program is listening on 127.0.0.1:${port}. Set another port with the option "httpPort" or CONSUMER_HTTP_PORT (0: any free port), or set it to off.`,
  });
  expect(consumer.status().state).toBe('stopped');
});

test('an address of another machine is fatal, and the error says so', async () => {
  useEnvironment();
  const consumer = createConsumer(['shop'], { ...servers, httpPort: 0, httpHost: '192.0.2.1' });
  await expect(consumer.start()).rejects.toMatchObject({
    code: 'LOGHIVE_INVALID_OPTION',
    message: expect.stringMatching(
      /^the HTTP server cannot listen on 192\.0\.2\.1:0: .*EADDRNOTAVAIL.* Correct the options/,
    ),
  });
});

test('if the default port is in use, the consumer runs without the server and warns', async () => {
  useEnvironment();
  const port = await useTakenPort();
  const config = consumerConfig('createConsumer', ['shop'], servers);
  const ended = new AbortController();
  const monitoring = new Monitoring({
    config: { ...config, http: { host: '127.0.0.1', port, isDefaultPort: true } },
    status: () => createConsumer(['shop'], servers).status(),
    figures: noFigures,
    services: () => [],
    faults: () => ({}),
    signal: ended.signal,
  });
  const warning = vi.spyOn(internalLogger, 'warning');
  ended.abort();
  await monitoring.start();
  expect(monitoring.httpPort).toBeUndefined();
  expect(warning).toHaveBeenLastCalledWith(
    expect.stringMatching(
      /^another program is listening on .*, so health and metrics are not available over HTTP\. Set another/,
    ),
  );
  await monitoring.close();
});
