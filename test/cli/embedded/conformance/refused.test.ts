/**
 * Intended differences from RabbitMQ: unsupported features are refused with 540, and errors on which RabbitMQ
 * disconnects silently are reported.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { type DevelopmentBroker, startDevelopmentBroker } from '../../../../cli/embedded/broker/broker.js';
import { type Arguments, encodeHeader } from '../../../support/amqp/methods.js';
import { CAPABILITIES, FRAME, methodBytes, Peer, PROTOCOL_HEADER } from '../../../support/amqp/peer.js';
import type { PeerChannel } from '../../../support/amqp/peer-channel.js';
import { propertyBytes } from '../../../support/amqp/property-bytes.mjs';
import { Writer } from '../../../support/amqp/values.js';
import { onEnd } from '../../../support/use-servers.js';

let broker: DevelopmentBroker;
beforeAll(async () => {
  broker = await startDevelopmentBroker();
  onEnd(() => broker.stop());
});

const GUEST = { user: 'guest', password: 'guest', vhost: '/' };

/** Channel 1 of a connection, with the queue `q`. */
async function useChannel(): Promise<PeerChannel<Peer>> {
  const peer = new Peer(broker.port, broker.host, () => {});
  await peer.login(GUEST);
  const channel = await peer.channel(1);
  await channel.call('queue.declare', { queue: 'q' });
  return channel;
}

/** Why the server closes the connection. */
async function closeOf(peer: Peer): Promise<Arguments> {
  await peer.end();
  const close = peer.received.find(({ method }) => method === 'connection.close');
  return close?.args ?? {};
}

const declare = (args: Arguments) => ['queue.declare', { queue: 'new', durable: true, arguments: args }] as const;
const exchange = (type: string, args = {}) => ['exchange.declare', { exchange: 'new', type, arguments: args }] as const;

describe('the development broker refuses by name, with 540,', () => {
  for (const [what, [method, args], text] of [
    ['a topic exchange', exchange('topic'), /only supports direct exchanges, not topic exchange 'new'/],
    ['a fanout exchange', exchange('fanout'), /only supports direct exchanges, not fanout exchange 'new'/],
    ['a headers exchange', exchange('headers'), /only supports direct exchanges, not headers exchange 'new'/],
    [
      'an alternate exchange',
      exchange('direct', { 'alternate-exchange': 'other' }),
      /does not support argument 'alternate-exchange'/,
    ],
    ['binding exchanges', ['exchange.bind', { source: 'amq.direct', destination: 'other' }], /exchange\.bind/],
    ['unbinding exchanges', ['exchange.unbind', { source: 'amq.direct', destination: 'other' }], /exchange\.unbind/],
    ['a transaction', ['tx.select', {}], /tx\.select/],
    ['a commit', ['tx.commit', {}], /tx\.commit/],
    ['a rollback', ['tx.rollback', {}], /tx\.rollback/],
    ['a stream', declare({ 'x-queue-type': 'stream' }), /does not support streams: queue 'new'/],
    ['a queue with priorities', declare({ 'x-max-priority': 5 }), /does not support argument 'x-max-priority'/],
    ['a lazy queue', declare({ 'x-queue-mode': 'lazy' }), /does not support argument 'x-queue-mode'/],
    [
      'a single active consumer',
      declare({ 'x-single-active-consumer': true }),
      /does not support argument 'x-single-active-consumer'/,
    ],
    ['dead-lettering overflow', declare({ 'x-overflow': 'reject-publish-dlx' }), /'x-overflow' = 'reject-publish-dlx'/],
    ['a consumer with a priority', ['basic.consume', { queue: 'q', arguments: { 'x-priority': 1 } }], /'x-priority'/],
  ] as const) {
    test.concurrent(what, async () => {
      const channel = await useChannel();
      channel.send(method, args);
      const { replyCode, replyText } = await closeOf(channel.peer);
      expect(replyCode).toBe(540);
      expect(replyText).toMatch(/^NOT_IMPLEMENTED - .*the development broker /);
      expect(replyText).toMatch(text);
    });
  }

  for (const header of ['CC', 'BCC']) {
    test.concurrent(`a message with the header ${header}`, async () => {
      const channel = await useChannel();
      channel.publish('', 'q', 'x', { properties: { headers: { [header]: ['other'] } } });
      const { replyCode, replyText } = await closeOf(channel.peer);
      expect(replyCode).toBe(540);
      expect(replyText).toMatch(/the development broker does not support the headers CC and BCC/);
    });
  }

  for (const [what, payload] of [
    ['a class that AMQP does not have', Buffer.from([0, 200, 0, 10])],
    ['a method that its class does not have', Buffer.from([0, 50, 0, 99])],
  ] as const) {
    test.concurrent(what, async () => {
      const { peer } = await useChannel();
      peer.frame(FRAME.method, 1, payload);
      const { replyCode, replyText } = await closeOf(peer);
      expect(replyCode).toBe(540);
      expect(replyText).toMatch(/the development broker does not support method \d+ of class \d+/);
    });
  }
});

describe('the development broker', () => {
  test.concurrent('announces none of the capabilities that it refuses', async () => {
    const peer = new Peer(broker.port, broker.host, () => {});
    await peer.login(GUEST);
    const { serverProperties, mechanisms } = peer.received[0]!.args as { [key: string]: Arguments };
    expect(mechanisms).toBe('PLAIN');
    expect(serverProperties).toMatchObject({
      product: expect.stringMatching(/Loghive development broker/),
      version: broker.version,
      capabilities: { exchange_exchange_bindings: false, consumer_priorities: false, direct_reply_to: false },
    });
    peer.destroy();
  });

  for (const name of ['amq.topic', 'amq.fanout', 'amq.headers', 'amq.match', 'amq.rabbitmq.trace']) {
    test.concurrent(`does not have the exchange ${name}: a 404`, async () => {
      const channel = await useChannel();
      const answer = await channel.call('exchange.declare', { exchange: name, passive: true });
      expect(answer).toMatchObject({ method: 'channel.close', args: { replyCode: 404 } });
      channel.peer.destroy();
    });
  }

  test.concurrent('does not have direct reply-to: a 404', async () => {
    const channel = await useChannel();
    const answer = await channel.call('basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true });
    expect(answer).toMatchObject({ method: 'channel.close', args: { replyCode: 404 } });
    channel.peer.destroy();
  });

  test.concurrent('answers AMQP 0-8 with the header of 0-9-1', async () => {
    const lines: string[] = [];
    const peer = new Peer(broker.port, broker.host, (_, line) => lines.push(line));
    peer.write(Buffer.from('AMQP\x01\x01\x08\x00', 'latin1'));
    await peer.end();
    expect(lines).toEqual(['< the protocol header 00000901', '< the end of the connection']);
  });
});

describe('the development broker gives a reason, although RabbitMQ disconnects without one, for', () => {
  const START_OK = {
    clientProperties: { capabilities: CAPABILITIES },
    mechanism: 'PLAIN',
    response: '\0guest\0guest',
    locale: 'en_US',
  };
  const TUNE_OK = { channelMax: 2047, frameMax: 131_072, heartbeat: 0 };

  async function useStarted(): Promise<Peer> {
    const peer = new Peer(broker.port, broker.host, () => {});
    peer.write(PROTOCOL_HEADER);
    await peer.next('connection.start');
    return peer;
  }

  async function useTuning(): Promise<Peer> {
    const peer = await useStarted();
    peer.send(0, 'connection.start-ok', START_OK);
    await peer.next('connection.tune');
    return peer;
  }

  for (const [what, given, code, text] of [
    ['a login mechanism that is not offered', { mechanism: 'AMQPLAIN' }, 503, /mechanism 'AMQPLAIN'/],
    ['a login that is not of PLAIN’s form', { response: 'guest:guest' }, 502, /PLAIN invalid/],
    ['a login frame over 4096 bytes', { clientProperties: { text: 'x'.repeat(5000) } }, 501, /frame_too_large,5/],
  ] as const) {
    test.concurrent(what, async () => {
      const peer = await useStarted();
      peer.send(0, 'connection.start-ok', { ...START_OK, ...given });
      const { replyCode, replyText } = await closeOf(peer);
      expect(replyCode).toBe(code);
      expect(replyText).toMatch(text);
    });
  }

  for (const [what, given, text] of [
    ['frames larger than its own', { frameMax: 131_073 }, /frame_max = 131073 is higher .* \(131072\)/],
    ['frames without a limit', { frameMax: 0 }, /frame_max = 0 \(no limit\) is higher .* \(131072\)/],
    ['frames smaller than 4096', { frameMax: 4095 }, /frame_max = 4095 is lower .* \(4096\)/],
    ['more channels than its own', { channelMax: 2048 }, /channel_max = 2048 is higher .* \(2047\)/],
    ['channels without a limit', { channelMax: 0 }, /channel_max = 0 \(no limit\) is higher .* \(2047\)/],
  ] as const) {
    test.concurrent(what, async () => {
      const peer = await useTuning();
      peer.send(0, 'connection.tune-ok', { ...TUNE_OK, ...given });
      const { replyCode, replyText } = await closeOf(peer);
      expect(replyCode).toBe(530);
      expect(replyText).toMatch(text);
    });
  }

  test.concurrent('connection.open before connection.tune-ok', async () => {
    const peer = await useTuning();
    peer.send(0, 'connection.open', { virtualHost: '/' });
    expect(await closeOf(peer)).toMatchObject({ replyCode: 504, replyText: expect.stringMatching(/state tuning/) });
  });

  test.concurrent('a channel before the connection is open', async () => {
    const peer = await useTuning();
    peer.send(1, 'channel.open');
    expect(await closeOf(peer)).toMatchObject({ replyCode: 505 });
  });

  test.concurrent('a table with a value of an unknown type', async () => {
    const { peer } = await useChannel();
    const method = methodBytes('queue.declare', { queue: 'new', arguments: { a: 'b' } });
    method[method.lastIndexOf('S'.charCodeAt(0))] = 'q'.charCodeAt(0);
    peer.frame(FRAME.method, 1, method);
    expect(await closeOf(peer)).toMatchObject({ replyCode: 501 });
  });

  test.concurrent('a body longer than its header says', async () => {
    const { peer } = await useChannel();
    peer.frame(FRAME.method, 1, methodBytes('basic.publish', { routingKey: 'q' }));
    const writer = new Writer();
    encodeHeader(writer, 3, {});
    peer.frame(FRAME.header, 1, writer.take());
    peer.frame(FRAME.body, 1, Buffer.from('four'));
    expect(await closeOf(peer)).toMatchObject({
      replyCode: 501,
      replyText: expect.stringMatching(/longer than its header/),
    });
  });

  test.concurrent('bytes that are not text, which RabbitMQ quotes unchanged, as question marks', async () => {
    const channel = await useChannel();
    channel.publish('', 'q', 'x', { properties: propertyBytes({ expiration: Buffer.from([2, 0xff, 0xfe]) }) });
    await channel.closed();
    const close = channel.received.find(({ method }) => method === 'channel.close');
    expect(close?.args.replyText).toBe("PRECONDITION_FAILED - invalid expiration '??': no_integer");
    channel.peer.destroy();
  });

  test.concurrent('a wrong password only if the client has announced that it supports this', async () => {
    const peer = await useStarted();
    peer.send(0, 'connection.start-ok', { ...START_OK, clientProperties: {}, response: '\0guest\0wrong' });
    await peer.end();
    expect(peer.received.map(({ method }) => method)).toEqual(['connection.start']);
  });
});
