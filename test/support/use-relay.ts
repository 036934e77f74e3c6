import net from 'node:net';
import { onEnd } from './use-servers.js';

export interface Relay {
  /** The broker's URL, routed through the relay. */
  url: string;
  /** Sends data to the client as if it came from the broker. */
  sendToClient(frame: Buffer): void;
  /** Stops forwarding, and ignores when either end closes. */
  fallSilent(): void;
}

/** Connection.OpenOk, the last method of the handshake. */
const OPEN_OK = methodFrame(10, 41, Buffer.from([0]));

/** An AMQP method frame on channel 0. */
export function methodFrame(classId: number, methodId: number, fields = Buffer.alloc(0)): Buffer {
  const size = 4 + fields.length;
  return Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, size, 0, classId, 0, methodId]), fields, Buffer.from([0xce])]);
}

/** @param afterOpenOk data appended to the end of the handshake, in the same chunk. */
export async function useRelay(brokerUrl: string, afterOpenOk: Buffer = Buffer.alloc(0)): Promise<Relay> {
  const target = new URL(brokerUrl);
  const sockets: net.Socket[] = [];
  let client: net.Socket | undefined;
  let silent = false;
  const server = net.createServer({ allowHalfOpen: true }, (accepted) => {
    const upstream = net.connect(Number(target.port), target.hostname);
    client = accepted;
    for (const socket of [accepted, upstream]) sockets.push(socket.on('error', () => {}));
    accepted.on('data', (data) => silent || upstream.write(data));
    upstream.on('data', (data) => {
      const at = data.indexOf(OPEN_OK);
      const end = at < 0 ? data.length : at + OPEN_OK.length;
      const more = at < 0 ? Buffer.alloc(0) : afterOpenOk;
      if (!silent) accepted.write(Buffer.concat([data.subarray(0, end), more, data.subarray(end)]));
    });
    accepted.on('end', () => silent || upstream.end());
    upstream.on('end', () => silent || accepted.end());
  });
  onEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(brokerUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as net.AddressInfo).port);
  return {
    url: url.href,
    sendToClient: (frame) => void client?.write(frame),
    fallSilent: () => {
      silent = true;
    },
  };
}
