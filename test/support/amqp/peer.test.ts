import { createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { onEnd } from '../use-servers.js';
import { decodeHeader, decodeMethod, encodeHeader } from './methods.js';
import { FRAME, frameBytes, methodBytes, Peer } from './peer.js';
import { decodeTable, encodeTable, Reader, typed, Writer } from './values.js';

/** A peer of a server that only sends what the test tells it to. */
async function usePeer() {
  const lines: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const peer = new Peer(port, '127.0.0.1', (where, line) => lines.push(`${where} ${line}`));
  onEnd(() => {
    peer.destroy();
    server.close();
  });
  while (sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  return { peer, lines, socket: sockets[0]! };
}

test('a method is encoded as its ids and its arguments, with bits packed into octets', () => {
  expect(methodBytes('basic.ack', { deliveryTag: 258, multiple: true }).toString('hex')).toBe(
    '003c0050000000000000010201',
  );
  const declare = methodBytes('queue.declare', { queue: 'q', durable: true, autoDelete: true });
  expect(declare.toString('hex')).toBe('0032000a000001710a00000000');
  expect(decodeMethod(new Reader(declare))).toEqual({
    method: 'queue.declare',
    args: {
      ticket: 0,
      queue: 'q',
      passive: false,
      durable: true,
      exclusive: false,
      autoDelete: true,
      nowait: false,
      arguments: {},
    },
  });
});

test('a frame is encoded as its type, channel, length, payload and end', () => {
  expect(frameBytes(FRAME.body, 3, Buffer.from('ab')).toString('hex')).toBe('03000300000002' + '6162' + 'ce');
});

test('a content header has only the properties that are set', () => {
  const writer = new Writer();
  encodeHeader(writer, 5, { contentType: 'a/b', deliveryMode: 2 });
  const bytes = writer.take();
  expect(bytes.toString('hex')).toBe('003c0000' + '0000000000000005' + '9000' + '03612f62' + '02');
  expect(decodeHeader(new Reader(bytes))).toEqual({ bodySize: 5, properties: { contentType: 'a/b', deliveryMode: 2 } });
});

test('a table shows the type of values other than strings and booleans', () => {
  const writer = new Writer();
  const list = ['x', typed('b', -1)];
  encodeTable(writer, { text: 'ü', yes: true, int: 5, long: typed('l', 5), time: typed('T', 7), list, no: null });
  expect(decodeTable(new Reader(writer.take()))).toEqual({
    text: 'ü',
    yes: true,
    int: 'I:5',
    long: 'l:5',
    time: 'T:7',
    list: ['x', 'b:-1'],
    no: null,
  });
});

test('a call returns its reply, whatever other methods arrive before it', async () => {
  const { peer, lines, socket } = await usePeer();
  const channel = peer.unopened(1);
  const answer = channel.call('basic.cancel', { consumerTag: 'a' });
  socket.write(frameBytes(FRAME.method, 1, methodBytes('basic.cancel', { consumerTag: 'b', nowait: true })));
  socket.write(frameBytes(FRAME.method, 1, methodBytes('basic.cancel-ok', { consumerTag: 'a' })));
  expect(await answer).toEqual({ method: 'basic.cancel-ok', args: { consumerTag: 'a' } });
  expect(lines).toEqual([
    '1 > basic.cancel {"consumerTag":"a"}',
    '1 < basic.cancel {"consumerTag":"b","nowait":true}',
    '1 < basic.cancel-ok {"consumerTag":"a"}',
  ]);
});

test('a protocol violation by the server is reported and closes the connection', async () => {
  const { peer, lines, socket } = await usePeer();
  socket.write(frameBytes(FRAME.body, 1, Buffer.from('x')));
  await peer.end();
  expect(lines[0]).toBe('0 ! the server used channel 1, which was never opened');
});

test('confirms are summarized, however the server bundles them', async () => {
  const { peer, lines, socket } = await usePeer();
  const channel = peer.unopened(1);
  const confirmed = channel.confirmed(4);
  for (const [method, args] of [
    ['basic.nack', { deliveryTag: 2 }],
    ['basic.ack', { deliveryTag: 3, multiple: true }],
    ['basic.ack', { deliveryTag: 4 }],
  ] as const) {
    socket.write(frameBytes(FRAME.method, 1, methodBytes(method, args)));
  }
  await confirmed;
  expect(lines).toEqual(['1 = acked: 1 3 4; nacked: 2']);
});
