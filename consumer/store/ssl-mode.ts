/** Maps `sslmode` and its files to Node TLS options, with the semantics of libpq. */
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs/promises';
import tls from 'node:tls';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import type { DatabaseHost, DatabaseTarget } from './database-url.js';

/**
 * Connection attempts in order: true with TLS, false without. https://www.postgresql.org/docs/current/libpq-ssl.html
 */
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
 * Reads the files for each connection, so that renewed certificates take effect.
 *
 * As in libpq, a given CA is verified in every mode, and the host name only with `verify-full`. Without `sslrootcert`
 * the `verify-` modes use the CAs of Node, where libpq looks for a file in the home directory.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if a file cannot be read.
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
    // OpenSSL ignores a file without certificates and would then trust no server.
    if (Buffer.isBuffer(options.ca)) new X509Certificate(options.ca);
    tls.createSecureContext(options);
  } catch (error) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `database URL: sslrootcert, sslcert or sslkey is invalid: ${reasonOf(error)}. Expected PEM files and a key that matches the certificate.`,
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
      `database URL: ${name} ${JSON.stringify(file)} cannot be read: ${reasonOf(error)}. Correct the path or its permissions.`,
      { cause: error },
    );
  }
}

type GetAuthorities = (type: 'default' | 'system') => string[];

/** The operating system's CAs from Node 22.15 on; before that, the CAs bundled with Node. */
function systemAuthorities(): string[] {
  const get = (tls as { getCACertificates?: GetAuthorities }).getCACertificates;
  return get ? [...get('default'), ...get('system')] : [...tls.rootCertificates];
}
