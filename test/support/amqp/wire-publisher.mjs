/** Publishes messages with raw properties, with confirms; see wire-publisher.d.mts. */
import { connect } from 'node:net';
import { longString, shortString, table } from './property-bytes.mjs';

const [METHOD, HEADER, BODY] = [1, 2, 3];
const FRAME_END = 0xce;
const NO_TABLE = table([]);
const PATIENCE_MS = 30_000;

export async function openWirePublisher(url) {
  const { hostname, port, username, password, pathname } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const vhost = decodeURIComponent(pathname.slice(1)) || '/';
  let frameMax = 131_072;
  let received = Buffer.alloc(0);
  let published = 0;
  /** Pending messages by delivery tag. */
  const waiting = new Map();
  let closed;
  let wake = () => {};

  const frame = (type, channel, payload) => {
    const head = Buffer.alloc(7);
    head.writeUInt8(type);
    head.writeUInt16BE(channel, 1);
    head.writeUInt32BE(payload.length, 3);
    socket.write(Buffer.concat([head, payload, Buffer.from([FRAME_END])]));
  };
  const sendMethod = (channel, classId, methodId, ...fields) =>
    frame(METHOD, channel, Buffer.concat([shorts(classId, methodId), ...fields]));

  function end(reason) {
    closed ??= reason;
    for (const { resolve } of waiting.values()) resolve(closed);
    waiting.clear();
    wake();
  }

  function settle(tag, multiple, outcome) {
    const tags = multiple ? [...waiting.keys()].filter((each) => each <= tag) : [tag];
    for (const each of tags) {
      waiting.get(each)?.resolve(outcome);
      waiting.delete(each);
    }
  }

  const events = [];
  function take(type, channel, payload) {
    if (type !== METHOD) return;
    const id = `${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}`;
    if (id === '60.80' || id === '60.120') {
      settle(Number(payload.readBigUInt64BE(4)), (payload[12] & 1) !== 0, id === '60.80' ? 'confirmed' : 'nacked');
    } else if (id === '10.50' || id === '20.40') {
      const text = payload.toString('utf8', 7, 7 + payload[6]);
      sendMethod(channel, ...(id === '10.50' ? [10, 51] : [20, 41]));
      end({ code: payload.readUInt16BE(4), text });
      if (id === '20.40') socket.end();
    } else {
      events.push({ id, payload });
      wake();
    }
  }

  socket.on('error', () => {});
  socket.on('close', () => end({ code: 0, text: 'the connection was lost' }));
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    while (received.length >= 7) {
      const size = received.readUInt32BE(3);
      if (received.length < size + 8) break;
      const current = received;
      received = current.subarray(size + 8);
      take(current[0], current.readUInt16BE(1), current.subarray(7, size + 7));
    }
  });

  async function next(id) {
    while (events.length === 0) {
      if (closed) throw new Error(`the broker ended the connection with ${closed.code}: ${closed.text}`);
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
    const event = events.shift();
    if (event.id !== id) throw new Error(`expected method ${id}, received ${event.id}`);
    return event.payload;
  }

  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  socket.write('AMQP\0\0\x09\x01', 'latin1');
  await next('10.10');
  const login = longString(`\0${decodeURIComponent(username)}\0${decodeURIComponent(password)}`);
  sendMethod(0, 10, 11, NO_TABLE, shortString('PLAIN'), login, shortString('en_US'));
  const tune = await next('10.30');
  frameMax = tune.readUInt32BE(6) || frameMax;
  // Heartbeats disabled.
  sendMethod(0, 10, 31, tune.subarray(4, 10), shorts(0));
  sendMethod(0, 10, 40, shortString(vhost), Buffer.from([0, 0]));
  await next('10.41');
  sendMethod(1, 20, 10, Buffer.from([0]));
  await next('20.11');
  sendMethod(1, 85, 10, Buffer.from([0]));
  await next('85.11');

  return {
    get closed() {
      return closed;
    },
    publish({ exchange = '', routingKey, properties, body, mandatory = false }) {
      if (closed) return Promise.resolve(closed);
      socket.cork();
      const flags = Buffer.from([mandatory ? 1 : 0]);
      sendMethod(1, 60, 40, shorts(0), shortString(exchange), shortString(routingKey), flags);
      const size = Buffer.alloc(8);
      size.writeBigUInt64BE(BigInt(body.length));
      frame(HEADER, 1, Buffer.concat([shorts(60, 0), size, properties]));
      const most = frameMax - 8;
      for (let at = 0; at < body.length; at += most) frame(BODY, 1, body.subarray(at, at + most));
      socket.uncork();
      published++;
      return new Promise((resolve) => waiting.set(published, { resolve }));
    },
    /** Resolves when the socket is closed. */
    async close() {
      if (!closed) sendMethod(0, 10, 50, shorts(200), shortString(''), shorts(0, 0));
      if (socket.destroyed) return;
      await new Promise((resolve) => socket.once('close', resolve));
    },
    destroy: () => socket.destroy(),
  };
}

function shorts(...values) {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}
