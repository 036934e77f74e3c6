import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { describe, expect, test } from 'vitest';
import { connectTo, type OpenConnection } from '../../src/amqp/open-connection.js';
import { LoghiveError } from '../../src/errors.js';
import { startDevelopmentBroker } from '../support/development-broker.mjs';
import { freePort } from '../support/ports.mjs';
import { makeCa } from '../support/tls.mjs';
import { brokerConfigOf } from '../support/use-connection.js';
import { onEnd, uniqueName, useBroker, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const broker = await useBroker();
const at = new URL(broker.url).host;

async function open(url: string, settings = {}, options = {}): Promise<OpenConnection> {
  const config = brokerConfigOf(url, { socketTimeoutMs: 500, ...settings });
  const connection = await connectTo(config.hosts[0]!, config, {
    connectionName: 'a test',
    keepsProcessAlive: false,
    ...options,
  });
  onEnd(() => connection.destroy(new Error('the test is over')));
  connection.model.on('error', () => {});
  return connection;
}

/** Tested with and without keepsProcessAlive, because the socket is created differently. */
async function refusal(url: string, settings = {}): Promise<LoghiveError> {
  const errors: LoghiveError[] = [];
  for (const keepsProcessAlive of [false, true]) {
    const error = await open(url, settings, { keepsProcessAlive }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(LoghiveError);
    expect(error.message).not.toMatch(/secret|\n/);
    expect(error.cause).toBeDefined();
    errors.push(error);
  }
  expect(errors[0]!.code).toBe(errors[1]!.code);
  return errors[0]!;
}

async function listen(server: net.Server): Promise<string> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  onEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

const saying = (text: string) => net.createServer((socket) => void socket.write(text));

describe('a connection attempt is rejected with the reason', () => {
  test('if nothing listens', async () => {
    const port = await freePort();
    for (const scheme of ['amqp', 'amqps']) {
      const { code, message } = await refusal(`${scheme}://u:secret@127.0.0.1:${port}`);
      expect(code).toBe('LOGHIVE_BROKER_UNREACHABLE');
      expect(message).toBe(
        `${scheme}://u:***@127.0.0.1:${port}/: nothing listens there (connect ECONNREFUSED 127.0.0.1:${port}). Start the broker, or correct host and port.`,
      );
    }
  });

  test('if the host name cannot be resolved', async () => {
    // The name contains text of other errors.
    const { code, message } = await refusal('amqp://u:secret@vhost-403-530.invalid');
    expect(code).toBe('LOGHIVE_BROKER_UNREACHABLE');
    expect(message).toMatch(/the host name could not be resolved \(getaddrinfo \w+ vhost-403-530\.invalid\)\. Correct/);
  });

  test('after socketTimeoutMs if the server never answers', async () => {
    const hole = await listen(net.createServer(() => {}));
    for (const scheme of ['amqp', 'amqps']) {
      const begun = performance.now();
      const { code, message } = await refusal(`${scheme}://u:secret@${hole}`, { socketTimeoutMs: 150 });
      expect(code).toBe('LOGHIVE_BROKER_UNREACHABLE');
      expect(message).toMatch(/accepted the connection but did not answer in time\. .* or raise socketTimeoutMs\.$/);
      expect(performance.now() - begun).toBeGreaterThan(290);
    }
  });

  test('if the server stops in the middle of the handshake', async () => {
    const stuck = await listen(net.createServer((socket) => void socket.write(Buffer.from([1, 0, 0, 0, 0, 1, 0]))));
    expect((await refusal(`amqp://u:secret@${stuck}`, { socketTimeoutMs: 150 })).message).toMatch(
      /accepted the connection but did not answer/,
    );
  });

  test.each([
    ['closes', (socket: net.Socket) => void socket.end()],
    ['resets', (socket: net.Socket) => void socket.resetAndDestroy()],
  ])('if the server %s every connection', async (_how, take) => {
    const closing = await listen(net.createServer(take));
    for (const scheme of ['amqp', 'amqps']) {
      const { code, message } = await refusal(`${scheme}://u:secret@${closing}`);
      expect(code).toBe('LOGHIVE_BROKER_UNREACHABLE');
      expect(message).toMatch(/the connection was closed during the handshake\. .* whether it requires amqps:\/\/\.$/);
    }
  });
});

describe('a server with another protocol is recognized:', () => {
  test.each([
    ['HTTP', () => http.createServer((_request, response) => response.end())],
    ['SMTP', () => saying('220 mail.example ESMTP ready\r\n')],
    ['SSH', () => saying('SSH-2.0-OpenSSH_9.2p1\r\n')],
    ['AMQP 1.0', () => saying('AMQP\x03\x01\x00\x00')],
  ])('%s', async (_name, make) => {
    const { code, message } = await refusal(`amqp://u:secret@${await listen(make())}`);
    expect(code).toBe('LOGHIVE_BROKER_UNREACHABLE');
    expect(message).toMatch(/the server does not speak AMQP 0-9-1 .* Correct host and port/);
  });

  test('TLS, by amqp://', async () => {
    const secure = await listen(tls.createServer(makeCa().issue()).on('tlsClientError', () => {}));
    expect((await refusal(`amqp://u:secret@${secure}`)).message).toMatch(/requires amqps:\/\//);
  });

  test('HTTP, by amqps://', async () => {
    const web = await listen(http.createServer((_request, response) => response.end()));
    const { code, message } = await refusal(`amqps://u:secret@${web}`);
    expect(code).toBe('LOGHIVE_BROKER_TLS');
    expect(message).toMatch(/the port does not speak TLS \(\w+\)\. Correct the port, or connect without TLS\.$/);
  });

  test('a broker without TLS, by amqps://', async () => {
    const { code, message } = await refusal(`amqps://u:secret@${at}`);
    expect(code).toBe('LOGHIVE_BROKER_TLS');
    expect(message).toMatch(/the port does not speak TLS/);
  });
});

describe('a broker is reported by the reason if it refuses', () => {
  const user = uniqueName('user');
  async function useUser(vhost?: string) {
    await broker.admin.addUser(user, 'right', vhost ? { vhost } : {});
    onEnd(() => broker.admin.deleteUser(user));
  }

  test('the password', async () => {
    await useUser(broker.vhost);
    const { code, message } = await refusal(`amqp://${user}:secret@${at}/${broker.vhost}`);
    expect(code).toBe('LOGHIVE_BROKER_REFUSED');
    expect(message).toMatch(`the broker refused user "${user}" or the password. Correct both (ACCESS_REFUSED`);
    expect(message).toContain(`amqp://${user}:***@${at}/${broker.vhost}: `);
  });

  test('an unknown user', async () => {
    const { code, message } = await refusal(`amqp://nobody:secret@${at}/${broker.vhost}`);
    expect(code).toBe('LOGHIVE_BROKER_REFUSED');
    expect(message).toMatch('the broker refused user "nobody" or the password.');
  });

  test('a vhost that does not exist', async () => {
    const { code, message } = await refusal(`amqp://guest:guest@${at}/no%2Fwhere`);
    expect(code).toBe('LOGHIVE_BROKER_REFUSED');
    expect(message).toMatch(
      'the broker refused the vhost "no/where": it does not exist, user "guest" has no permissions',
    );
    expect(message).toMatch(/Correct the vhost, or grant the permissions/);
  });

  test('a vhost without permissions', async () => {
    await useUser();
    const { code, message } = await refusal(`amqp://${user}:right@${at}/${broker.vhost}`);
    expect(code).toBe('LOGHIVE_BROKER_REFUSED');
    expect(message).toMatch(`the broker refused the vhost "${broker.vhost}": it does not exist, user "${user}" has no`);
  });

  test('fewer channels on a connection than Loghive needs', async () => {
    const narrow = await startDevelopmentBroker({ channelMax: 2 });
    onEnd(() => narrow.stop());
    const refused = await open(narrow.url).catch((error: LoghiveError) => error);
    expect(refused).toMatchObject({
      code: 'LOGHIVE_BROKER_REFUSED',
      message: expect.stringMatching(
        /: the broker allows 2 channels on a connection, and Loghive needs 8\. Raise channel_max in its configuration\.$/,
      ),
    });
    await eventually(async () => expect(await narrow.listConnections()).toEqual([]));
  });

  test('fewer channels than Loghive needs, but not if it allows exactly as many', async () => {
    const wide = await startDevelopmentBroker({ channelMax: 8 });
    onEnd(() => wide.stop());
    expect(await open(wide.url)).toMatchObject({ serverProduct: expect.any(String) });
  });
});

test('a connection has the server version, and shows its name in the list of connections', async () => {
  const connection = await open(broker.url);
  expect(connection.serverVersion).toBe(broker.version);
  expect(connection.host.vhost).toBe(broker.vhost);
  const name = await broker.admin.eval(
    '[begin {_, N} = lists:keyfind(client_properties, 1, rabbit_networking:connection_info(C, [client_properties])), lists:keyfind(<<"connection_name">>, 1, N) end || C <- rabbit_networking:connections()]',
  );
  expect(name).toContain('a test');
});

test('user, password and vhost may contain any character', async () => {
  const strange = `p:/@#?% ss${uniqueName()}`;
  const vhost = `v/@#?% ${uniqueName()}`;
  await broker.admin.addVhost(vhost);
  await broker.admin.addUser(strange, strange, { vhost });
  onEnd(async () => {
    await broker.admin.deleteVhost(vhost);
    await broker.admin.deleteUser(strange);
  });
  const part = encodeURIComponent;
  const connection = await open(`amqp://${part(strange)}:${part(strange)}@${at}/${part(vhost)}`);
  expect(connection.host.vhost).toBe(vhost);
});

test('an attempt does not fail because the application blocked the event loop meanwhile', async () => {
  const opening = open(broker.url, { socketTimeoutMs: 300 });
  const until = performance.now() + 1000;
  while (performance.now() < until);
  expect((await opening).serverVersion).toBe(broker.version);
});

test('an attempt can be aborted', async () => {
  const hole = await listen(net.createServer(() => {}));
  for (const scheme of ['amqp', 'amqps']) {
    for (const keepsProcessAlive of [true, false]) {
      const giveUp = new AbortController();
      const opening = open(
        `${scheme}://${hole}`,
        { socketTimeoutMs: 60_000 },
        { keepsProcessAlive, signal: giveUp.signal },
      );
      const ended = opening.then(
        () => 'opened',
        () => 'given up',
      );
      giveUp.abort();
      expect(await ended).toBe('given up');
    }
  }
});

test('a destroyed connection closes immediately with its reason, even if the peer is silent', async () => {
  const proxy = await useProxy(broker.url);
  const connection = await open(proxy.url(broker.url));
  proxy.halfOpen();
  const received = new Promise((resolve) => connection.model.once('error', resolve));
  const closed = new Promise((resolve) => connection.model.once('close', resolve));
  const reason = new Error('no reason');
  connection.destroy(reason);
  expect(await received).toBe(reason);
  await closed;
});

test('traffic counters follow received data, not data that the kernel buffers for a silent peer', async () => {
  const proxy = await useProxy(broker.url);
  const connection = await open(proxy.url(broker.url));
  const channel = await connection.model.createChannel();
  const before = connection.bytesRead();
  await channel.prefetch(1);
  expect(connection.bytesRead()).toBeGreaterThan(before);
  expect(connection.bytesFlushed()).toBeUndefined();
  proxy.halfOpen();
  channel.publish('', 'nowhere', Buffer.alloc(100));
  await eventually(() => connection.bytesFlushed() === undefined);
  const silent = connection.bytesRead();
  for (let i = 0; i < 40; i++) channel.publish('', 'nowhere', Buffer.alloc(1024 * 1024));
  const stuck = await eventually(() => connection.bytesFlushed() ?? null);
  expect(stuck).toBeGreaterThan(100);
  expect(connection.bytesRead()).toBe(silent);
});

describe('a server that closes the connection immediately after opening it', () => {
  /** A complete connection.open-ok. */
  const OPEN_OK = Buffer.from([1, 0, 0, 0, 0, 0, 5, 0, 10, 0, 41, 0, 0xce]);
  /** A complete connection.close with 320 "". */
  const CLOSE = Buffer.from([1, 0, 0, 0, 0, 0, 11, 0, 10, 0, 50, 320 >> 8, 320 & 255, 0, 0, 0, 0, 0, 0xce]);

  async function closingServer(): Promise<string> {
    const { hostname, port } = new URL(broker.url);
    const host = await listen(
      net.createServer((client) => {
        const upstream = net.connect(Number(port), hostname, () => client.pipe(upstream));
        upstream.on('error', () => {});
        client.on('close', () => upstream.destroy());
        // On loopback, each part of the handshake arrives as one small chunk.
        upstream.on('data', (chunk) => client.write(chunk.equals(OPEN_OK) ? Buffer.concat([chunk, CLOSE]) : chunk));
      }),
    );
    const url = new URL(broker.url);
    url.host = host;
    return url.href;
  }

  test('counts as unreachable', async () => {
    const { code, message } = await refusal(await closingServer());
    expect(code).toBe('LOGHIVE_BROKER_UNREACHABLE');
    expect(message).toMatch(
      /: the broker closed the connection as soon as it was open\. See the broker's log for the reason\.$/,
    );
  });
});
