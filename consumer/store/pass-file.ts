/**
 * Reads the password file of a database URL (`passfile`) like libpq: lines of `host:port:database:user:password`, of
 * which the first match counts.
 * Source: https://www.postgresql.org/docs/current/libpq-pgpass.html
 */
import fs from 'node:fs/promises';
import { reasonOf } from '../../src/errors.js';

/** Fields that a line must match. */
export interface PassKey {
  /** Host name, IP address, or directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** Default socket directories of PostgreSQL and of Debian's packages. The file calls them `localhost`. */
const DEFAULT_SOCKET_DIRECTORIES = ['/tmp', '/var/run/postgresql', '/run/postgresql'];
const GROUP_AND_OTHERS = 0o077;

/** Properties of a `pg.Client`, with its defaults applied. */
interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user?: string | undefined;
  readonly database?: string | undefined;
}

/**
 * Reads the file for each connection, and only if the server asks for a password.
 *
 * @throws Error if the file has no entry for this connection, or other users can read it.
 */
export async function passwordFor(
  { host, port, user = '', database = user }: Connection,
  file: string,
): Promise<string> {
  const key = { host, port, user, database };
  const text = await textOf(file);
  const password = findPassword(text, key);
  if (password !== undefined) return password;
  const expected = [hostOf(key), String(key.port), key.database, key.user].map(escaped).join(':');
  throw new Error(
    `passfile ${JSON.stringify(file)} has no entry for ${expected}. Add one, or put the password into the URL`,
  );
}

async function textOf(file: string): Promise<string> {
  try {
    const stats = await fs.stat(file);
    if (!stats.isFile()) throw new Error('it is not a regular file. Use a regular file');
    // libpq ignores such a file.
    if (process.platform !== 'win32' && (stats.mode & GROUP_AND_OTHERS) !== 0) {
      throw new Error('group or others have access to it. Restrict it to its owner (chmod 0600)');
    }
    return await fs.readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`passfile ${JSON.stringify(file)} cannot be used: ${reasonOf(error)}`, { cause: error });
  }
}

/** The password of the first matching line, or undefined. */
export function findPassword(text: string, key: PassKey): string | undefined {
  const expected = [hostOf(key), String(key.port), key.database, key.user];
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    const fields = fieldsOf(line.replace(/\r+$/, ''));
    if (fields.length <= expected.length) continue;
    const [host, port, database, user, password = ''] = fields;
    const matches = [host, port, database, user].every(
      (field = '', at) => field === '*' || unescaped(field) === expected[at],
    );
    if (matches) return unescaped(password);
  }
  return undefined;
}

function hostOf({ host }: PassKey): string {
  return DEFAULT_SOCKET_DIRECTORIES.includes(host) ? 'localhost' : host;
}

/** Fields, still escaped, separated by colons that are not escaped with a backslash. */
function fieldsOf(line: string): string[] {
  const fields = [''];
  for (const [part] of line.matchAll(/\\?[\s\S]/g)) {
    if (part === ':') fields.push('');
    else fields[fields.length - 1] += part;
  }
  return fields;
}

const unescaped = (written: string) => written.replace(/\\([\s\S])/g, '$1');
const escaped = (value: string) => value.replace(/[\\:]/g, '\\$&');
