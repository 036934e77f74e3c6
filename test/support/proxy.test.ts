import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startProxy } from './proxy.mjs';
import { onEnd } from './use-servers.js';
import { eventually, sleep } from './wait.mjs';

/** A proxy in front of an echo server, and clients that count the received bytes. */
async function setUp() {
  const inside = new Set<Socket>();
  const server = createServer((socket) => {
    inside.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => inside.delete(socket));
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  const proxy = await startProxy({ target: { host: '127.0.0.1', port: address.port } });
  onEnd(async () => {
    await proxy.stop();
    server.close();
  });

  async function client() {
    const socket = connect(proxy.port, '127.0.0.1');
    const seen = { socket, bytes: 0, end: null as string | null };
    socket.on('data', (chunk) => {
      seen.bytes += chunk.length;
    });
    socket.on('end', () => {
      seen.end = 'FIN';
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      seen.end = error.code ?? error.message;
    });
    onEnd(() => socket.destroy());
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return seen;
  }
  return { proxy, client, inside };
}

async function echo(client: { socket: Socket; bytes: number }, bytes = 1) {
  const before = client.bytes;
  client.socket.write(Buffer.alloc(bytes));
  await eventually(() => client.bytes === before + bytes, { everyMs: 2, what: `${bytes} bytes came back` });
}

test('it forwards both ways, counts, and returns URLs that are routed through it', async () => {
  const { proxy, client } = await setUp();
  await echo(await client(), 5_000_000);
  expect(proxy).toMatchObject({ connections: 1, accepted: 1, bytesUp: 5_000_000, bytesDown: 5_000_000 });
  expect(proxy.url('amqp://a:b@broker:1/v%2F?x=1')).toBe(`amqp://a:b@127.0.0.1:${proxy.port}/v%2F?x=1`);
});

test('cut closes a connection gracefully on both sides, and new ones are accepted', async () => {
  const { proxy, client, inside } = await setUp();
  const first = await client();
  await echo(first);
  await proxy.cut();
  await eventually(() => first.end === 'FIN' && inside.size === 0 && proxy.connections === 0);
  await echo(await client());
});

test('reset closes a connection with a reset on both sides, and new ones are accepted', async () => {
  const { proxy, client, inside } = await setUp();
  const first = await client();
  await echo(first);
  await proxy.reset();
  await eventually(() => first.end === 'ECONNRESET' && inside.size === 0);
  await echo(await client());
});

test('half-open connections stay open and dead; new ones wait and work after heal', async () => {
  const { proxy, client } = await setUp();
  const first = await client();
  await echo(first);
  proxy.halfOpen();
  first.socket.write('lost');
  const second = await client();
  second.socket.write('late');
  await sleep(150);
  expect([first.bytes, second.bytes, proxy.connections]).toEqual([1, 0, 2]);
  await proxy.heal();
  await eventually(() => second.bytes === 4);
  expect([first.bytes, first.end]).toEqual([1, null]);
  await proxy.heal({ resume: true });
  await eventually(() => first.bytes === 5);
});

test('delay delays every chunk, in both directions', async () => {
  const { proxy, client } = await setUp();
  const first = await client();
  proxy.delay(100);
  const startedAt = performance.now();
  await echo(first);
  expect(performance.now() - startedAt).toBeGreaterThan(195);
});

test('throttle limits the rate of the given direction', async () => {
  const { proxy, client } = await setUp();
  const first = await client();
  proxy.throttle(64_000, { direction: 'up' });
  const startedAt = performance.now();
  await echo(first, 32_000);
  const seconds = (performance.now() - startedAt) / 1000;
  expect(seconds).toBeGreaterThan(0.4);
  expect(seconds).toBeLessThan(2);
});

test('refuse rejects new connections and keeps the existing ones, until heal', async () => {
  const { proxy, client } = await setUp();
  const first = await client();
  await proxy.refuse();
  await expect(client()).rejects.toThrow(/ECONNREFUSED/);
  await echo(first);
  await proxy.heal();
  await echo(await client());
});

test('a client sees that the server has closed the connection', async () => {
  const { proxy, client, inside } = await setUp();
  const first = await client();
  await echo(first);
  for (const socket of inside) socket.resetAndDestroy();
  await eventually(() => first.end === 'ECONNRESET' && proxy.connections === 0);
});
