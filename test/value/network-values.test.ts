/** How fetch and Node network objects are stored, tested with real requests, responses, sockets and streams. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import axios, { AxiosHeaders } from 'axios';
import { describe, expect, test } from 'vitest';
import { safeValue } from '../../src/safe-value.js';
import { onEnd } from '../support/use-servers.js';

class Shop extends EventTarget {}

function form(): FormData {
  const data = new FormData();
  data.append('name', 'Ann');
  data.append('tag', 'a');
  data.append('tag', 'b');
  data.append('photo', new File(['abc'], 'a.png', { type: 'image/png' }));
  return data;
}

function cookies(): Headers {
  const headers = new Headers({ 'Retry-After': '3' });
  headers.append('Set-Cookie', 'a=1');
  headers.append('Set-Cookie', 'b=2');
  return headers;
}

const abortedBy = (reason: unknown) => AbortSignal.abort(reason);
const noun = (tag: string, fields: object) =>
  Object.assign(
    Object.create({
      get [Symbol.toStringTag]() {
        return tag;
      },
    }),
    fields,
  );

test.each<[string, () => unknown, unknown]>([
  ['Headers', () => new Headers({ 'Retry-After': '3', Accept: 'a, b' }), { accept: 'a, b', 'retry-after': '3' }],
  ['Headers with cookies', cookies, { 'retry-after': '3', 'set-cookie': ['a=1', 'b=2'] }],
  ['no Headers', () => new Headers(), {}],
  ['Headers of axios', () => new AxiosHeaders({ Accept: 'a' }), { Accept: 'a' }],
  [
    'a Response',
    () => new Response('{}', { status: 503, statusText: 'Busy', headers: { 'retry-after': '3' } }),
    {
      status: 503,
      statusText: 'Busy',
      url: '',
      headers: { 'content-type': 'text/plain;charset=UTF-8', 'retry-after': '3' },
    },
  ],
  ['a Response that failed', () => Response.error(), { status: 0, url: '', headers: {} }],
  [
    'a Request',
    () => new Request('http://h/p?q=1', { method: 'POST', body: 'text', headers: { a: '1' } }),
    { method: 'POST', url: 'http://h/p?q=1', headers: { a: '1', 'content-type': 'text/plain;charset=UTF-8' } },
  ],
  ['FormData', form, { name: 'Ann', tag: ['a', 'b'], photo: { name: 'a.png', type: 'image/png', size: 3 } }],
  ['a Blob', () => new Blob(['abc'], { type: 'text/plain' }), { type: 'text/plain', size: 3 }],
  ['a File', () => new File(['abc'], 'a.txt'), { name: 'a.txt', size: 3 }],
  ['URL', () => new URL('http://h/p?q=1#x'), 'http://h/p?q=1#x'],
  ['URLSearchParams', () => new URLSearchParams({ a: '1', b: 'x y' }), 'a=1&b=x+y'],
  ['an AbortSignal', () => new AbortController().signal, { aborted: false }],
  ['an AbortSignal with a reason', () => abortedBy('late'), { aborted: true, reason: 'late' }],
  ['an AbortController', () => new AbortController(), { signal: { aborted: false } }],
  ['a ReadableStream', () => new ReadableStream(), '[ReadableStream]'],
  ['a WritableStream', () => new WritableStream(), '[WritableStream]'],
  ['a TransformStream', () => new TransformStream(), '[TransformStream]'],
  ['an Event', () => new Event('open'), { type: 'open' }],
  ['a MessagePort', () => new MessageChannel().port1, '[MessagePort]'],
  ['a class of its own', () => Object.assign(new Shop(), { a: 1 }), { a: 1 }],
  ['what only has the tag of a Response', () => noun('Response', { a: 1 }), { a: 1 }],
  ['what only has the tag of Headers', () => noun('Headers', { a: 1 }), { a: 1 }],
  [
    'an instant of Temporal',
    () => noun('Temporal.Instant', { toJSON: () => '2026-01-31T10:30:45Z' }),
    '2026-01-31T10:30:45Z',
  ],
  ['a PassThrough', () => new PassThrough(), '[PassThrough]'],
  ['a custom stream', () => new (class Sink extends Writable {})(), '[Sink]'],
  [
    'a file that is read',
    () => createReadStream(import.meta.filename).destroy(),
    { '[ReadStream]': import.meta.filename },
  ],
  ['stdout', () => process.stdout, expect.anything()],
  ['an agent', () => new http.Agent(), '[Agent]'],
  ['a server', () => http.createServer(), '[Server]'],
  ['a socket', () => new net.Socket(), '[Socket]'],
  ['a timer', () => setTimeout(() => {}, 0).unref(), '[Timeout]'],
])('%s has a short value', (_name, make, expected) => {
  expect(safeValue(make())).toEqual(expected);
  expect(safeValue({ list: [make()] })).toEqual({ list: [expected] });
});

test('no such value has internal symbols or more than 3,000 bytes', () => {
  const all = [
    form(),
    cookies(),
    new Response('x'),
    new Request('http://h'),
    abortedBy(new Error('e')),
    process.stdout,
  ];
  for (const value of all) {
    const json = JSON.stringify(safeValue(value));
    expect(json).not.toContain('Symbol(');
    expect(json.length).toBeLessThan(3000);
  }
});

test('a body is not read, and can be read afterwards', async () => {
  const response = new Response('the body');
  safeValue({ response });
  expect(response.bodyUsed).toBe(false);
  expect(await response.text()).toBe('the body');
});

test('a proxy that has every property is not accessed', () => {
  const called: PropertyKey[] = [];
  const client: object = new Proxy(function client() {}, {
    get: (_target, name) => (name === 'toJSON' || name === 'name' ? undefined : () => called.push(name)),
  });
  safeValue({
    client,
    inObject: new Proxy({}, { get: (_t, name) => (name === 'toJSON' ? undefined : () => called.push(name)) }),
  });
  expect(called).toEqual([]);
});

describe('an HTTP exchange has a short value', () => {
  async function converse() {
    const seen: { incoming?: unknown; outgoing?: unknown; socket?: unknown } = {};
    const server = http.createServer((request, response) => {
      response.setHeader('X-Answer', '42');
      response.statusCode = 404;
      Object.assign(request, { originalUrl: '/shop/path?q=1', id: 'r1' });
      seen.incoming = safeValue(request);
      seen.outgoing = safeValue(response);
      seen.socket = safeValue(request.socket);
      response.end('the body');
    });
    onEnd(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return { seen, port, url: `http://127.0.0.1:${port}/path?q=1` };
  }

  test('for its requests and responses, on both sides', async () => {
    const { seen, url, port } = await converse();
    const request = http.get(url, { headers: { 'X-Id': 'r1' } });
    const [response] = await once(request, 'response');
    response.resume();
    const host = `127.0.0.1:${port}`;
    expect(safeValue(request)).toMatchObject({
      method: 'GET',
      url: `http://127.0.0.1/path?q=1`,
      headers: { 'x-id': 'r1', host },
    });
    expect(safeValue(response)).toMatchObject({
      statusCode: 404,
      statusMessage: 'Not Found',
      headers: { 'x-answer': '42' },
    });
    expect(seen.incoming).toEqual({
      id: 'r1',
      method: 'GET',
      url: '/shop/path?q=1',
      headers: { 'x-id': 'r1', host, connection: expect.any(String) },
      remoteAddress: '127.0.0.1',
      remotePort: expect.any(Number),
    });
    expect(seen.outgoing).toEqual({ statusCode: 404, headers: { 'x-answer': '42' } });
    expect(seen.socket).toEqual({
      '[Socket]': {
        remoteAddress: '127.0.0.1',
        remotePort: expect.any(Number),
        localAddress: '127.0.0.1',
        localPort: port,
      },
    });
  });

  test('for the responses of fetch and axios', async () => {
    const { url } = await converse();
    const fetched = safeValue(await fetch(url));
    expect(fetched).toMatchObject({ status: 404, url, headers: { 'x-answer': '42' } });
    const got = safeValue(await axios.get(url, { validateStatus: () => true }));
    expect(got).toMatchObject({
      status: 404,
      data: 'the body',
      headers: { 'x-answer': '42' },
      request: { method: 'GET' },
    });
    expect(JSON.stringify(got).length).toBeLessThan(4000);
  });

  test('for an error of fetch, with its causes', async () => {
    const closed = net.createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const failed = await fetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error);
    expect(safeValue(failed)).toMatchObject({ name: 'TypeError', cause: { code: 'ECONNREFUSED', syscall: 'connect' } });
    const aborted = await fetch('http://127.0.0.1:1/', { signal: abortedBy(undefined) }).catch(
      (error: unknown) => error,
    );
    expect(safeValue(aborted)).toMatchObject({ name: 'AbortError' });
  });

  test('with HTTP/2', async () => {
    const seen: unknown[] = [];
    const warnings: unknown[] = [];
    const note = (warning: unknown) => warnings.push(warning);
    process.on('warning', note);
    onEnd(() => process.removeListener('warning', note));
    const server = http2.createServer((request, response) => {
      seen.push(safeValue(request), safeValue(response), safeValue(request.stream));
      response.end();
    });
    onEnd(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onEnd(() => session.close());
    const stream = session.request({ ':path': '/p' });
    stream.resume();
    await once(stream, 'end');
    expect(seen[0]).toMatchObject({ method: 'GET', url: '/p', headers: { ':path': '/p' } });
    expect(seen[1]).toMatchObject({ statusCode: 200 });
    expect(seen[2]).toBe('[ServerHttp2Stream]');
    expect(warnings).toEqual([]);
  });
});

test('internals of EventEmitter are omitted from its subclasses', async () => {
  const { EventEmitter } = await import('node:events');
  class Order extends EventEmitter {
    id = 7;
  }
  expect(safeValue(new Order().on('paid', () => {}))).toEqual({ id: 7 });
});
