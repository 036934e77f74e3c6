import net from 'node:net';
import { expect, test } from 'vitest';
import { openHttpServer } from '../../../consumer/http/server.js';
import { onEnd } from '../../support/use-servers.js';

async function useServer(answer: Parameters<typeof openHttpServer>[0]['answer'] = answerHello) {
  const server = await openHttpServer({ host: '127.0.0.1', port: 0, answer, paths: ['/hello', '/world'] });
  onEnd(() => server.close());
  return { server, url: (path: string) => `http://127.0.0.1:${server.port}${path}` };
}

function answerHello(path: string) {
  if (path !== '/hello') return undefined;
  return Promise.resolve({ status: 200, contentType: 'text/plain', body: 'hello' });
}

/** The server's answer to these bytes, until it closes the connection. */
function responseTo(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    let all = '';
    socket.on('data', (data) => {
      all += data;
    });
    socket.on('close', () => resolve(all));
    socket.on('error', reject);
  });
}

test('a path is answered whatever its query, and the response must not be cached', async () => {
  const { url } = await useServer();
  const response = await fetch(url('/hello?from=probe'));
  expect([response.status, await response.text()]).toEqual([200, 'hello']);
  expect(response.headers.get('cache-control')).toBe('no-store');
});

test('HEAD is answered like GET, without the body', async () => {
  const { url } = await useServer();
  const response = await fetch(url('/hello'), { method: 'HEAD' });
  expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '5', '']);
});

test('an unknown path is a 404 that lists the existing ones', async () => {
  const { url } = await useServer();
  const response = await fetch(url('/health'));
  expect([response.status, await response.text()]).toEqual([404, 'not found; available paths: /hello, /world\n']);
});

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is a 405 that lists the allowed methods', async (method) => {
  const { url } = await useServer();
  const response = await fetch(url('/hello'), { method, ...(method === 'POST' ? { body: 'x'.repeat(100_000) } : {}) });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect(await response.text()).toBe('only GET and HEAD are allowed; available paths: /hello, /world\n');
});

test('a handler that fails is a 500, and the next request is answered', async () => {
  let failures = 1;
  const { url } = await useServer(async () => {
    if (failures-- > 0) throw new Error('secret');
    return { status: 200, contentType: 'text/plain', body: 'well' };
  });
  const response = await fetch(url('/hello'));
  expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining('secret')]);
  expect((await fetch(url('/hello'))).status).toBe(200);
});

test('headers that are too long and bytes that are not HTTP close their connection and nothing else', async () => {
  const { server, url } = await useServer();
  expect(await responseTo(server.port, `GET /hello HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1.1 431/,
  );
  expect(await responseTo(server.port, '\u0016\u0003\u0001 no HTTP\r\n\r\n')).toMatch(/^HTTP\/1.1 400/);
  expect((await fetch(url('/hello'))).status).toBe(200);
});

test('a client that sends its request too slowly is disconnected', { timeout: 30_000 }, async () => {
  const { server } = await useServer();
  expect(await responseTo(server.port, 'GET /hello HTTP/1.1\r\nHost:')).toMatch(/^HTTP\/1.1 408/);
});

test('it closes despite a request that never ends and an open keep-alive connection', async () => {
  const { server, url } = await useServer((path) => (path === '/world' ? new Promise(() => {}) : answerHello(path)));
  await fetch(url('/hello'));
  const pending = fetch(url('/world')).then(
    () => 'answered',
    () => 'ended',
  );
  await new Promise((resolve) => setImmediate(resolve));
  await server.close();
  expect(await pending).toBe('ended');
  await expect(fetch(url('/hello'))).rejects.toThrow();
});
