/** Whether a server can be reached: its name, its port, its certificate. */
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import tls from 'node:tls';
import { reasonOf } from '../../src/errors.js';
import { tlsFault } from '../../src/tls-fault.js';
import type { Step } from './steps.js';
import { failed, failedBecause, ok, type Verdict } from './verdict.js';

export interface Address {
  /** A name, an IP address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** In milliseconds. */
const CONNECT_MS = 5000;

export function addressText({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Steps `name` (not for IP addresses) and `TCP`. */
export function networkSteps(address: Address): Step[] {
  const { host } = address;
  const server = addressText(address);
  const isName = net.isIP(host) === 0 && !host.startsWith('/');
  const name: Step = { name: 'name', server: 'the name server', limitMs: CONNECT_MS, run: () => resolveName(host) };
  const connect = async () => judgeConnect(server, await connectTo(address));
  return [...(isName ? [name] : []), { name: 'TCP', needs: ['name'], server, limitMs: CONNECT_MS, run: connect }];
}

async function resolveName(host: string): Promise<Verdict> {
  try {
    const addresses = await lookup(host, { all: true });
    return ok(`${host} is ${addresses.map(({ address }) => address).join(', ')}`);
  } catch (error) {
    return failed(
      `the host name ${host} cannot be resolved (${(error as NodeJS.ErrnoException).code ?? reasonOf(error)})`,
      'Correct the host name, or the name server of this machine.',
    );
  }
}

type Connected = { readonly ms: number } | { readonly error: NodeJS.ErrnoException };

function connectTo({ host, port }: Address): Promise<Connected> {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const socket = host.startsWith('/') ? net.connect(`${host}/.s.PGSQL.${port}`) : net.connect({ host, port });
    const end = (result: Connected) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(CONNECT_MS - 500, () => end({ error: Object.assign(new Error(), { code: 'ETIMEDOUT' }) }));
    socket.once('connect', () => end({ ms: performance.now() - startMs }));
    socket.once('error', (error) => end({ error }));
  });
}

/** Pure. */
export function judgeConnect(server: string, result: Connected): Verdict {
  if ('ms' in result) return ok(`connected in ${Math.ceil(result.ms)} ms`);
  const { code = '' } = result.error;
  switch (code) {
    case 'ECONNREFUSED':
      return failed(`nothing listens at ${server} (${code})`, 'Start the server, or correct host and port.');
    case 'ETIMEDOUT':
      return failed(`${server} does not answer (${code})`, 'Correct host and port, or open the port in the firewall.');
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return failed(`there is no route to ${server} (${code})`, 'Check the network of this machine.');
    case 'ENOENT':
    case 'EACCES':
      return failed(`the Unix socket of ${server} cannot be used (${code})`, 'Correct its folder.');
    default:
      return failed(`${server} cannot be reached (${code || reasonOf(result.error)})`, 'Check host and port.');
  }
}

export interface TlsTarget extends Address {
  readonly options: tls.ConnectionOptions;
  /** How to set the certificate authority and a client certificate, for messages. */
  readonly names: { readonly ca: string; readonly certificate: string };
}

interface Handshake {
  readonly protocol: string | null;
  /** When the certificate of the server ends, as OpenSSL writes it. */
  readonly validTo: string;
}

/** Days before its end at which a certificate is reported. */
const EXPIRES_SOON_DAYS = 14;

/** The step `TLS`. */
export function tlsStep(target: TlsTarget): Step {
  const server = addressText(target);
  const run = async () => {
    try {
      return judgeHandshake(await handshake(target), Date.now());
    } catch (error) {
      const { ca, certificate } = target.names;
      const fault = tlsFault(error, ca, certificate) ?? `the TLS handshake failed: ${reasonOf(error)}`;
      return failedBecause(`${server} was reached, but ${fault}`, 'Check that the port speaks TLS.');
    }
  };
  return { name: 'TLS', needs: ['TCP'], server, limitMs: CONNECT_MS, run };
}

/** @throws the error of the handshake. */
function handshake({ host, port, options }: Omit<TlsTarget, 'names'>): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const servername = net.isIP(host) === 0 ? { servername: host } : {};
    const socket = tls.connect({ host, port, timeout: CONNECT_MS - 500, ...servername, ...options }, () => {
      const { valid_to: validTo = '' } = socket.getPeerCertificate();
      resolve({ protocol: socket.getProtocol(), validTo });
      socket.destroy();
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer to the TLS handshake')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
  });
}

/** Pure. */
export function judgeHandshake({ protocol, validTo }: Handshake, nowMs: number): Verdict {
  const days = Math.floor((Date.parse(validTo) - nowMs) / 86_400_000);
  if (days < EXPIRES_SOON_DAYS) {
    return failed(`${protocol}, but the certificate of the server ends on ${validTo}`, 'Renew it on the server.');
  }
  return ok(`${protocol}, certificate valid until ${validTo}`);
}

/** Whether a port answers a TLS handshake, whatever its certificate. */
export async function speaksTls(address: Address): Promise<boolean> {
  try {
    await handshake({
      ...address,
      options: { rejectUnauthorized: false },
    });
    return true;
  } catch (error) {
    // It requires a client certificate.
    return /ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)/.test(String((error as { code?: unknown }).code));
  }
}
