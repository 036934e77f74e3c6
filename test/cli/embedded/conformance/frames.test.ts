import { encodeHeader } from '../../../support/amqp/methods.js';
import { FRAME, frameBytes, methodBytes } from '../../../support/amqp/peer.js';
import { Writer } from '../../../support/amqp/values.js';
import { useBothBrokers } from './conversation.js';

const { conversation } = useBothBrokers();

const header = (bodySize: number, classId = 60, weight = 0): Buffer => {
  const writer = new Writer();
  encodeHeader(writer, bodySize, {});
  const bytes = writer.take();
  bytes.writeUInt16BE(classId, 0);
  bytes.writeUInt16BE(weight, 2);
  return bytes;
};
const ids = (classId: number, methodId: number, ...rest: number[]): Buffer =>
  Buffer.from([0, classId, 0, methodId, ...rest]);
const publishing = (routingKey: string): Buffer => methodBytes('basic.publish', { exchange: '', routingKey });

conversation('a frame larger than negotiated is refused with 501', async ({ channel }) => {
  const { peer } = await channel({ frameMax: 4096 });
  peer.frame(FRAME.body, 1, Buffer.alloc(4097, 'x'));
  await peer.next('connection.close');
});

conversation('a frame whose header says it is too large is refused with 501 before it arrives', async ({ channel }) => {
  const { peer } = await channel();
  peer.write(Buffer.from([FRAME.method, 0, 1, 0x7f, 0xff, 0xff, 0xff]));
  await peer.next('connection.close');
});

conversation('a frame without its end marker is refused with 501', async ({ channel, name }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, methodBytes('queue.declare', { queue: name('q') }), 0);
  await peer.next('connection.close');
});

for (const number of [0, 1]) {
  conversation(`a frame of an unknown type on channel ${number} is a 501`, async ({ channel }) => {
    const { peer } = await channel();
    peer.frame(7, number, Buffer.from('what'));
    await peer.next('connection.close');
  });
}

conversation('a heartbeat on a channel is refused with 505', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.heartbeat, 1, Buffer.alloc(0));
  await peer.next('connection.close');
});

conversation('a heartbeat with a payload is refused with 501', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.heartbeat, 0, Buffer.from('x'));
  await peer.next('connection.close');
});

conversation('a heartbeat is accepted although none were negotiated', async ({ channel, name }) => {
  const { peer, call } = await channel();
  peer.frame(FRAME.heartbeat, 0, Buffer.alloc(0));
  await call('queue.declare', { queue: name('q') });
});

conversation('content on channel 0 is refused with 505', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.header, 0, header(3));
  await peer.next('connection.close');
});

conversation('a method of a channel on channel 0 is refused', async ({ channel, name }) => {
  const { peer } = await channel();
  peer.sendMethod('queue.declare', { queue: name('q') });
  await peer.next('connection.close');
});

conversation('channel 0 is not opened', async ({ channel }) => {
  const { peer } = await channel();
  peer.sendMethod('channel.open');
  await peer.next('connection.close');
});

conversation('a method of the connection on a channel is refused', async ({ channel, broker }) => {
  const { peer, send } = await channel();
  send('connection.open', { virtualHost: broker.vhost });
  await peer.next('connection.close');
});

conversation('a method on a channel that is not open is refused with 504', async ({ connect, name }) => {
  const peer = await connect();
  peer.unopened(3).send('queue.declare', { queue: name('q') });
  await peer.next('connection.close');
});

conversation('content on a channel that is not open is refused', async ({ connect }) => {
  const peer = await connect();
  peer.frame(FRAME.header, 3, header(3));
  await peer.next('connection.close');
});

conversation('an open channel cannot be opened again', async ({ channel }) => {
  const { peer, send } = await channel();
  send('channel.open');
  await peer.next('connection.close');
});

conversation('channels are counted regardless of their numbers', async ({ connect }) => {
  const peer = await connect({ channelMax: 2 });
  await peer.unopened(600).call('channel.open');
  await peer.unopened(65_535).call('channel.open');
  peer.unopened(1).send('channel.open');
  await peer.next('connection.close');
});

conversation('a truncated method is refused', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, ids(50, 10, 0, 0, 40, 65));
  await peer.next('connection.close');
});

conversation('a method without ids is refused', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, Buffer.from([0]));
  await peer.next('connection.close');
});

conversation('a method that only servers send is refused', async ({ channel }) => {
  const { peer, send } = await channel();
  send('basic.consume-ok', { consumerTag: 'x' });
  await peer.next('connection.close');
});

conversation('a content header without a publish is refused with 505', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.header, 1, header(3));
  await peer.next('connection.close');
});

conversation('a body without a publish is refused with 505', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.body, 1, Buffer.from('x'));
  await peer.next('connection.close');
});

conversation('a body before its header is refused with 505', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, publishing('q'));
  peer.frame(FRAME.body, 1, Buffer.from('x'));
  await peer.next('connection.close');
});

conversation('a method in place of a content header is refused with 505', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, publishing('q'));
  peer.frame(FRAME.method, 1, methodBytes('basic.get', { queue: 'q' }));
  await peer.next('connection.close');
});

conversation('a method in place of a body is refused with 505', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, publishing('q'));
  peer.frame(FRAME.header, 1, header(3));
  peer.frame(FRAME.method, 1, methodBytes('basic.get', { queue: 'q' }));
  await peer.next('connection.close');
});

conversation('a second header in place of a body is refused with 505', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, publishing('q'));
  peer.frame(FRAME.header, 1, header(3));
  peer.frame(FRAME.header, 1, header(3));
  await peer.next('connection.close');
});

conversation('a content header of another class is refused', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, publishing('q'));
  peer.frame(FRAME.header, 1, header(3, 50));
  await peer.next('connection.close');
});

conversation('a content header that is too short is refused with 501', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, publishing('q'));
  peer.frame(FRAME.header, 1, header(3).subarray(0, 9));
  await peer.next('connection.close');
});

conversation('a content header with a weight is refused', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, publishing('q'));
  peer.frame(FRAME.header, 1, header(3, 60, 1));
  await peer.next('connection.close');
});

conversation('a truncated publish is refused with 501', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, publishing('q').subarray(0, 8));
  await peer.next('connection.close');
});

conversation('a body after a message without a body is refused with 505', async ({ channel }) => {
  const { peer } = await channel();
  peer.frame(FRAME.method, 1, publishing('q'));
  peer.frame(FRAME.header, 1, header(0));
  peer.frame(FRAME.body, 1, Buffer.from('x'));
  await peer.next('connection.close');
});

conversation('a body may be split into frames of any size, including empty ones', async ({ confirming, name }) => {
  const { peer, call, confirmed, drain } = await confirming();
  await call('queue.declare', { queue: name('q') });
  peer.frame(FRAME.method, 1, publishing(name('q')));
  peer.frame(FRAME.header, 1, header(6));
  for (const piece of ['a', 'bc', '', 'def']) peer.frame(FRAME.body, 1, Buffer.from(piece));
  await confirmed(1);
  await drain(name('q'));
});

conversation('two channels may send their messages one frame at a time in turn', async ({ connect, name, holds }) => {
  const peer = await connect();
  const [one, two] = [await peer.channel(1), await peer.channel(2)];
  await one.call('queue.declare', { queue: name('a') });
  await two.call('queue.declare', { queue: name('b') });
  for (const [number, queue] of [
    [1, 'a'],
    [2, 'b'],
  ] as const) {
    peer.frame(FRAME.method, number, publishing(name(queue)));
  }
  for (const number of [1, 2]) peer.frame(FRAME.header, number, header(2));
  for (const piece of ['x', 'y']) for (const number of [1, 2]) peer.frame(FRAME.body, number, Buffer.from(piece));
  await holds(name('a'), 1);
  await holds(name('b'), 1);
  await one.drain(name('a'));
  await two.drain(name('b'));
});

conversation('frames may arrive byte by byte', async ({ channel, name }) => {
  const { peer, call } = await channel();
  const method = methodBytes('queue.declare', { queue: name('q'), nowait: true });
  for (const byte of frameBytes(FRAME.method, 1, method)) {
    peer.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await call('queue.declare', { queue: name('q'), passive: true });
});
