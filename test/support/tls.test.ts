import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { type Certificate, makeCa } from './tls.mjs';
import { onEnd } from './use-servers.js';

/** The result of a handshake between a client that trusts `ca` and a server with this certificate. */
async function handshake(certificate: Certificate, ca: string): Promise<string> {
  const server = createServer({ cert: certificate.cert, key: certificate.key });
  server.on('tlsClientError', () => {});
  onEnd(() => new Promise((resolve) => server.close(resolve)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({ port: address.port, host: '127.0.0.1', ca }, () => {
      resolve('trusted');
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

const ca = makeCa();

test('a certificate of the private authority is trusted on 127.0.0.1', async () => {
  expect(await handshake(ca.issue(), ca.cert)).toBe('trusted');
});

test('a certificate of another authority is rejected', async () => {
  expect(await handshake(makeCa({ cn: 'Another CA' }).issue(), ca.cert)).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
});

test('an expired certificate is rejected as expired', async () => {
  expect(await handshake(ca.issue({ expired: true }), ca.cert)).toBe('CERT_HAS_EXPIRED');
});

test('a certificate for another name is rejected because of its name', async () => {
  expect(await handshake(ca.issue({ altNames: ['elsewhere.example'] }), ca.cert)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
});
