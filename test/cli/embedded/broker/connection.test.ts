/** How a connection is opened, kept alive, and closed. */
import { connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { startDevelopmentBroker } from '../../../../cli/embedded/broker/index.js';
import type { FieldTable } from '../../../../cli/embedded/broker/wire/field-table.js';
import { nested, propertyBytes } from '../../../support/amqp/property-bytes.mjs';
import { eventually } from '../../../support/wait.mjs';
import { contentFrames, frame, LOGIN, methodFrame, opening, PROTOCOL_HEADER, publishFrames, usePeer } from './peer.js';
import { useClient, useDevelopmentBroker } from './use-development-broker.js';

describe('a client', () => {
  test('sees a product that does not call itself RabbitMQ', async () => {
    const broker = await useDevelopmentBroker();
    const { connection } = await useClient(broker.url);
    expect(connection.serverProperties).toMatchObject({
      product: 'Loghive development broker',
      version: broker.version,
      capabilities: { publisher_confirms: true, 'connection.blocked': true, exchange_exchange_bindings: false },
    });
    expect(broker.version).toMatch(/^0\.\d+\.\d+/);
  });

  test.each([
    ['guest:wrong', /403 \(ACCESS-REFUSED\).*Login was refused using authentication mechanism PLAIN/],
    ['nobody:guest', /403 \(ACCESS-REFUSED\)/],
  ])('is refused as %s', async (credentials, reason) => {
    const broker = await useDevelopmentBroker();
    await expect(connect(broker.url.replace('guest:guest', credentials))).rejects.toThrow(reason);
  });

  test('is refused at a missing virtual host, and accepted once it was added', async () => {
    const broker = await useDevelopmentBroker();
    await expect(connect(broker.vhostUrl('spaß & co'))).rejects.toThrow(/got <ConnectionClose/);
    await useClient(broker.addVhost('spaß & co'));
    expect(broker.listConnections()).toMatchObject([{ vhost: 'spaß & co', user: 'guest', state: 'running' }]);
  });

  test('is notified when all connections are closed', async () => {
    const broker = await useDevelopmentBroker();
    const connection = await useClient(broker.url);
    const errors: string[] = [];
    connection.on('close', (error) => errors.push(String(error?.message)));
    expect(broker.closeConnections('maintenance')).toBe(1);
    await eventually(() => expect(errors).toEqual([expect.stringMatching(/320 .*CONNECTION_FORCED - maintenance/)]));
    await eventually(() => expect(broker.listConnections()).toEqual([]));
  });

  test('is disconnected when its virtual host is deleted', async () => {
    const broker = await useDevelopmentBroker();
    const connection = await useClient(broker.addVhost('other'));
    await (await connection.createChannel()).assertQueue('q');
    let closed = false;
    connection.on('close', () => {
      closed = true;
    });
    broker.deleteVhost('other');
    await eventually(() => closed);
    expect(broker.listQueues('other')).toEqual([]);
  });
});

test('stopping a broker closes its connections and frees its port', async () => {
  const broker = await startDevelopmentBroker();
  const connection = await connect(broker.url);
  connection.on('error', () => {});
  await broker.stop();
  await expect(connect(broker.url)).rejects.toThrow(/ECONNREFUSED/);
  const next = await useDevelopmentBroker({ port: broker.port });
  expect(next.url).toBe(broker.url);
});

test('a port in use is reported', async () => {
  const { port } = await useDevelopmentBroker();
  await expect(startDevelopmentBroker({ port })).rejects.toMatchObject({
    code: 'LOGHIVE_INVALID_OPTION',
    message: expect.stringContaining(`cannot listen on 127.0.0.1:${port}`),
  });
});

test.each([
  [{ host: '0.0.0.0' }, /option host of the development broker is "0.0.0.0"/],
  [{ port: -1 }, /option port .* an integer from 0 to 65535/],
  [{ heartbeatS: 1.5 }, /option heartbeatS/],
  [{ user: '' }, /option user/],
  [{ vhosts: 'a' }, /option vhosts/],
  [{ tls: true }, /tls is not an option of the development broker/],
])('the options %j are refused', async (options, message) => {
  await expect(startDevelopmentBroker(options as object)).rejects.toMatchObject({
    code: 'LOGHIVE_INVALID_OPTION',
    message: expect.stringMatching(message),
  });
});

describe('a peer that does not speak AMQP 0-9-1', () => {
  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
    ['AMQP 1.0', 'AMQP\x00\x01\x00\x00'],
    ['AMQP 0-8', 'AMQP\x01\x01\x08\x00'],
  ])('but %s gets the protocol header and is disconnected', async (_name, bytes) => {
    const { port } = await useDevelopmentBroker();
    const peer = await usePeer(port, { takesApart: false });
    peer.socket.write(bytes, 'latin1');
    await eventually(() => peer.ended());
    expect(peer.bytes()).toEqual(PROTOCOL_HEADER);
  });

  test('in time is disconnected', async () => {
    const { port } = await useDevelopmentBroker({ handshakeMs: 50 });
    const silent = await usePeer(port);
    const slow = await usePeer(port);
    slow.socket.write(PROTOCOL_HEADER);
    slow.socket.write(LOGIN);
    await eventually(() => silent.ended() && slow.ended());
    expect(slow.received.names()).toEqual(['connection.start', 'connection.tune']);
  });
});

describe('malformed input closes the connection', () => {
  const open = { outOfBand: '' };
  test.each<[string, Buffer, number, RegExp]>([
    ['a frame larger than negotiated', Buffer.from([1, 0, 1, 0xff, 0, 0, 0]), 501, /frame_too_large/],
    ['a frame without its end', Buffer.from([8, 0, 0, 0, 0, 0, 0, 1]), 501, /invalid_frame_end_marker/],
    ['a frame of no known type', frame(9, 0, Buffer.alloc(0)), 501, /unknown_frame/],
    ['a method that is cut off', frame(1, 1, Buffer.from([0, 50, 0, 10, 0])), 501, /cannot decode <<0>>/],
    [
      'a method that does not exist',
      frame(1, 1, Buffer.from([0, 77, 0, 1])),
      540,
      /does not support method 1 of class 77/,
    ],
    ['a heartbeat on a channel', frame(8, 1, Buffer.alloc(0)), 505, /type 8/],
    ['content that nobody announced', contentFrames(1, 'x'), 505, /expected method frame/],
    [
      'a channel that is not open',
      methodFrame(7, 'basic.cancel', { consumerTag: '', nowait: true }),
      504,
      /expected 'channel.open'/,
    ],
    ['a channel that is opened twice', methodFrame(1, 'channel.open', open), 504, /second 'channel.open' seen/],
    ['a greeting in the middle', LOGIN, 504, /unexpected method in connection state running/],
    [
      'a message that is to be delivered at once or never',
      methodFrame(1, 'basic.publish', { ticket: 0, exchange: '', routingKey: 'x', mandatory: false, immediate: true }),
      540,
      /immediate=true/,
    ],
    ['a transaction', frame(1, 1, Buffer.from([0, 90, 0, 10])), 540, /does not support tx.select/],
  ])('%s', async (_what, bytes, code, text) => {
    const { port } = await useDevelopmentBroker();
    const peer = await usePeer(port);
    peer.socket.write(Buffer.concat([opening(), bytes]));
    await eventually(() => expect(peer.received.closed()).toMatchObject({ code }));
    expect(peer.received.closed()?.text).toMatch(text);
    peer.socket.write(methodFrame(0, 'connection.close-ok', {}));
    await eventually(() => peer.ended());
  });

  test('before tuning, frames may not exceed 4096 bytes', async () => {
    const { port } = await useDevelopmentBroker();
    const peer = await usePeer(port);
    peer.socket.write(Buffer.concat([PROTOCOL_HEADER, frame(1, 0, Buffer.alloc(4097))]));
    await eventually(() => expect(peer.received.closed()).toMatchObject({ code: 501 }));
  });

  test('malformed properties close it as well', async () => {
    const { port } = await useDevelopmentBroker();
    const peer = await usePeer(port);
    const deepAndWrong = nested(20_000);
    deepAndWrong[deepAndWrong.length - 1] = 1;
    peer.socket.write(
      Buffer.concat([opening(), publishFrames(1, 'q', '', '', propertyBytes({ headers: { a: deepAndWrong } }))]),
    );
    await eventually(() => expect(peer.received.closed()).toEqual({ code: 541, text: 'INTERNAL_ERROR' }));
  });
});

test('deeply nested tables do not block the broker', async () => {
  const broker = await useDevelopmentBroker();
  const peer = await usePeer(broker.port);
  const deep: FieldTable = [['deep', { type: 'F', value: nested(21_000).subarray(5) }]];
  const names = { ticket: 0, queue: 'q', exchange: 'amq.direct', routingKey: 'k', nowait: false };
  const declare = { ...names, passive: false, durable: false, exclusive: false, autoDelete: false };
  const consume = { ...names, consumerTag: 'c', noLocal: false, noAck: false, exclusive: false };
  peer.socket.write(
    Buffer.concat([
      opening(),
      methodFrame(1, 'queue.declare', { ...declare, arguments: deep }),
      methodFrame(1, 'queue.declare', { ...declare, arguments: deep }),
      methodFrame(1, 'queue.bind', { ...names, arguments: deep }),
      methodFrame(1, 'queue.unbind', { ...names, arguments: deep }),
      methodFrame(1, 'basic.consume', { ...consume, arguments: deep }),
      ...Array.from({ length: 2 }, () =>
        publishFrames(1, 'q', '', '', propertyBytes({ headers: { deep: nested(21_000) } })),
      ),
      methodFrame(1, 'basic.recover', { requeue: true }),
      methodFrame(1, 'basic.nack', { deliveryTag: 0, multiple: true, requeue: true }),
    ]),
  );
  await eventually(() => expect(peer.received.names().filter((name) => name === 'basic.deliver')).toHaveLength(6));
  expect(JSON.stringify(broker.listQueues()[0]?.arguments)).toMatch(/^\{"deep":\{"":\{.*"…"\}+$/);
});

test('a client gets heartbeats, and is disconnected if it sends none', async () => {
  const { port } = await useDevelopmentBroker();
  const peer = await usePeer(port);
  peer.socket.write(opening({ heartbeatS: 1 }));
  await eventually(() => expect(peer.received.heartbeats).toBeGreaterThan(0));
  await eventually(() => peer.ended());
  expect(peer.received.closed()).toBeUndefined();
});
