/** The option `tls` of a connection to RabbitMQ, checked once when it is passed. Pure. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { reasonOf } from '../errors.js';
import { type Check, Expected, isOptions, kindOf, shown, Unfit } from './option.js';

/** Turns TLS on, as `amqps://` does. Certificates are PEM text or Buffers, as for `tls.connect`. */
export interface TlsOptions {
  /** The certificate authority of the broker's certificate, if the system does not know it. */
  ca?: string | Buffer | Array<string | Buffer> | undefined;
  /** The client certificate, if the broker requires one. */
  cert?: string | Buffer | undefined;
  /** The private key that belongs to `cert`. */
  key?: string | Buffer | undefined;
  /** The name that the broker's certificate must have. Default: the host of the URL. */
  servername?: string | undefined;
}

const FIELDS = ['ca', 'cert', 'key', 'servername'];

export const tlsOptions: Check<Readonly<TlsOptions> | undefined> = (value) => {
  if (!isOptions(value)) throw new Expected(`an object { ${FIELDS.join(', ')} } of PEM texts or Buffers`);
  for (const [name, part] of Object.entries(value)) checkField(name, part);
  const { ca = [] } = value as TlsOptions;
  try {
    // Node ignores a certificate authority that it cannot read, and the handshake would fail for another reason.
    for (const each of [ca].flat()) new X509Certificate(each);
    createSecureContext(value);
  } catch (error) {
    throw new Unfit(
      `cannot be used (${reasonOf(error)}), expected PEM certificates, and the key that belongs to "cert" in "key"`,
    );
  }
  return Object.freeze({ ...value });
};

function checkField(name: string, part: unknown): void {
  if (!FIELDS.includes(name))
    throw new Unfit(`has an unknown field ${shown(name)}, expected one of ${FIELDS.join(', ')}`);
  if (part === undefined) return;
  if (name === 'servername') {
    if (typeof part !== 'string') throw new Unfit(`has a field "servername" that is ${kindOf(part)}, expected text`);
    return;
  }
  const parts = name === 'ca' && Array.isArray(part) ? part : [part];
  if (!parts.every(isPem))
    throw new Unfit(
      `has a field "${name}" that is not PEM, expected the content of a file as text or Buffer, not its path`,
    );
}

function isPem(part: unknown): boolean {
  return (typeof part === 'string' || Buffer.isBuffer(part)) && part.includes('-----BEGIN ');
}
