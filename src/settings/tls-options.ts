/** The option `tls` of a connection to RabbitMQ, checked once where it is passed. Pure. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { reasonOf } from '../errors.js';
import { type Check, Expected, shown } from './option.js';

/** Turns TLS on, as `amqps://` does. Certificates are PEM text or Buffers, as `tls.connect` takes them. */
export interface TlsOptions {
  /** The authority that signed the broker's certificate, where the system does not know it. */
  ca?: string | Buffer | Array<string | Buffer>;
  /** This client's certificate, where the broker asks for one. */
  cert?: string | Buffer;
  key?: string | Buffer;
  /** The name that the broker's certificate must carry. Default: the host of the URL. */
  servername?: string;
}

export const tlsOptions: Check<Readonly<TlsOptions> | undefined> = (value) => {
  const shape = 'an object { ca, cert, key, servername } of PEM texts or Buffers (servername: text)';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Expected(shape);
  for (const [name, part] of Object.entries(value)) {
    if (!['ca', 'cert', 'key', 'servername'].includes(name)) {
      throw new Expected(`${shape}; ${shown(name)} is none of them`);
    }
    const parts = name === 'ca' && Array.isArray(part) ? part : [part];
    const right = name === 'servername' ? typeof part === 'string' : parts.every(isPem);
    if (part !== undefined && !right) {
      const reminder = name === 'servername' ? '' : "; a file's content, not its path";
      throw new Expected(`${shape}; "${name}" is not right${reminder}`);
    }
  }
  try {
    // Node passes over an authority that it cannot read, and the handshake would fail for another reason.
    for (const ca of [(value as TlsOptions).ca ?? []].flat()) new X509Certificate(ca);
    createSecureContext(value);
  } catch (error) {
    throw new Expected(`PEM certificates, and the key that belongs to "cert" (${reasonOf(error)})`);
  }
  return Object.freeze({ ...value });
};

function isPem(part: unknown): boolean {
  return (typeof part === 'string' || Buffer.isBuffer(part)) && part.includes('-----BEGIN ');
}
