/** What `sslmode` and its files ask of Node's TLS, with libpq's meaning. */
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs/promises';
import tls from 'node:tls';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import type { DatabaseHost, DatabaseTarget } from './database-url.js';

/** Whether to try TLS, in the order of trying. https://www.postgresql.org/docs/current/libpq-ssl.html */
export function tlsAttempts({ sslMode }: DatabaseTarget, { host }: DatabaseHost): readonly boolean[] {
  if (host.startsWith('/')) return [false];
  switch (sslMode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, true];
    case 'prefer':
      return [true, false];
    default:
      return [true];
  }
}

/**
 * The files are read anew for each connection, so that renewed certificates are taken up.
 *
 * As in libpq a certificate authority that is given is checked in every mode, and the server's name only in
 * `verify-full`. Without `sslrootcert` the `verify-` modes go by the authorities that Node knows, where libpq looks
 * for a file in the home folder.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION when a file cannot be read.
 */
export async function tlsOptions(target: DatabaseTarget): Promise<tls.ConnectionOptions> {
  const verify = target.sslRootCert !== undefined || target.sslMode.startsWith('verify');
  const options: tls.ConnectionOptions = { rejectUnauthorized: verify };
  if (target.sslRootCert === 'system') options.ca = systemAuthorities();
  else if (target.sslRootCert !== undefined) options.ca = await read('sslrootcert', target.sslRootCert);
  if (target.sslMode !== 'verify-full') options.checkServerIdentity = () => undefined;
  if (target.sslCert !== undefined) options.cert = await read('sslcert', target.sslCert);
  if (target.sslKey !== undefined) options.key = await read('sslkey', target.sslKey);
  if (target.sslPassword !== undefined) options.passphrase = target.sslPassword;
  try {
    // OpenSSL passes over a file without certificates, and then no server is ever known.
    if (Buffer.isBuffer(options.ca)) new X509Certificate(options.ca);
    tls.createSecureContext(options);
  } catch (error) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `database URL: sslrootcert, sslcert or sslkey does not hold what it should: ${reasonOf(error)}. Expected PEM files, the key belonging to the certificate.`,
      { cause: error },
    );
  }
  return options;
}

async function read(name: string, file: string): Promise<Buffer> {
  try {
    return await fs.readFile(file);
  } catch (error) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `database URL: ${name} ${JSON.stringify(file)} cannot be read: ${reasonOf(error)}. Correct the path or its rights.`,
      { cause: error },
    );
  }
}

type GetAuthorities = (type: 'default' | 'system') => string[];

/** From Node 22.15 the operating system's own can be asked for; before that, what Node brings along. */
function systemAuthorities(): string[] {
  const get = (tls as { getCACertificates?: GetAuthorities }).getCACertificates;
  return get ? [...get('default'), ...get('system')] : [...tls.rootCertificates];
}
