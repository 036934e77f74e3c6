import { connect, createServer } from 'node:net';

/** A proxy that stops a connection at a message of its protocol; see breakpoint-proxy.d.mts. */
export async function startBreakpointProxy({ target, protocol }) {
  const breakpoints = [];
  const sockets = new Set();

  /** Only the first breakpoint is active: the others follow in the order of the calls. */
  function take(from, message) {
    const [breakpoint] = breakpoints;
    if (breakpoint === undefined || breakpoint.from !== from || !breakpoint.is(message)) return undefined;
    breakpoint.left--;
    return breakpoint.left === 0 ? breakpoints.shift() : undefined;
  }

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ ...target, noDelay: true });
    const readers = protocol.readers();
    const sides = [
      ['client', client, upstream],
      ['server', upstream, client],
    ];
    for (const [from, socket, other] of sides) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      forward(socket, other, readers[from], (message) => take(from, message));
    }
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address();

  return {
    url(of) {
      const url = new URL(of);
      url.hostname = '127.0.0.1';
      url.port = String(port);
      return protocol.plain(url).href;
    },
    stopAt({ from, is, nth = 1 }) {
      return new Promise((resolve) => breakpoints.push({ from, is, left: nth, resolve }));
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Forwards message by message. After a breakpoint nothing more is forwarded until the connection closes. */
function forward(from, to, reader, take) {
  let waiting = Buffer.alloc(0);
  let isStopped = false;
  from.on('data', (chunk) => {
    if (isStopped) return;
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
    let end = 0;
    for (let read = reader(waiting); read !== undefined; read = reader(waiting.subarray(end))) {
      const { message, size } = read;
      const breakpoint = take(message);
      if (breakpoint) {
        isStopped = true;
        // The preceding messages are written before the breakpoint is reported.
        setImmediate(() => breakpoint.resolve(message));
        break;
      }
      end += size;
    }
    if (end > 0 && !to.write(waiting.subarray(0, end))) {
      from.pause();
      to.once('drain', () => from.resume());
    }
    waiting = waiting.subarray(end);
  });
}

const AMQP_METHOD = 1;
const METHODS = new Map([
  ['50.41', 'queue.delete-ok'],
  ['60.40', 'basic.publish'],
  ['60.80', 'basic.ack'],
]);

/** AMQP 0-9-1. A message is a frame: `{ method, exchange? }` for the methods of interest. */
export const AMQP = {
  plain: (url) => url,
  readers: () => ({ client: readFrame, server: readFrame }),
};

function readFrame(bytes) {
  if (bytes.length < 8) return undefined;
  // The protocol header, which is not a frame.
  if (bytes.toString('latin1', 0, 4) === 'AMQP') return { size: 8, message: {} };
  const size = bytes.readUInt32BE(3) + 8;
  if (bytes.length < size) return undefined;
  if (bytes[0] !== AMQP_METHOD) return { size, message: {} };
  const method = METHODS.get(`${bytes.readUInt16BE(7)}.${bytes.readUInt16BE(9)}`);
  if (method !== 'basic.publish') return { size, message: { method } };
  // After the ids and a reserved number.
  return { size, message: { method, exchange: bytes.toString('utf8', 14, 14 + bytes[13]) } };
}

/**
 * PostgreSQL. A message is `{ type, text, previous, application }`: its type letter and its text: for `Q` (query) and
 * `P` (parse) the statement, for the server's `C` (complete) the command tag. `previous` is the text before it.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export const POSTGRES = {
  /** Without the TLS request, whose answer is not a regular message. */
  plain(url) {
    url.searchParams.set('sslmode', 'disable');
    return url;
  },
  readers() {
    let application;
    const reader = (texts, isFirst) => {
      let previous;
      let hasLetter = !isFirst;
      return (bytes) => {
        const at = hasLetter ? 1 : 0;
        if (bytes.length < at + 4) return undefined;
        const size = bytes.readUInt32BE(at) + at;
        if (bytes.length < size) return undefined;
        const strings = () => bytes.toString('utf8', at + 4, size).split('\0');
        if (!hasLetter) {
          hasLetter = true;
          const settings = strings();
          application = settings[settings.indexOf('application_name') + 1];
          return { size, message: {} };
        }
        const type = String.fromCharCode(bytes[0]);
        const text = texts[type] === undefined ? undefined : strings()[texts[type]];
        const message = { type, text, previous, application };
        previous = text ?? previous;
        return { size, message };
      };
    };
    // Index of the text among the strings of each message. A client's first message has no type letter.
    return { client: reader({ Q: 0, P: 1 }, true), server: reader({ C: 0 }, false) };
  },
};
