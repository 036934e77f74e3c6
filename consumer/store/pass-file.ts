/**
 * The password file that a database URL names (`passfile`), read as libpq reads it: lines of
 * `host:port:database:user:password`, of which the first one that fits counts.
 * Source: https://www.postgresql.org/docs/current/libpq-pgpass.html
 */
import fs from 'node:fs/promises';
import { reasonOf } from '../../src/errors.js';

/** What a line must fit. */
export interface PassKey {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** Where the server's socket is if nobody says otherwise, here and in Debian's packages. Lines name it `localhost`. */
const DEFAULT_SOCKET_FOLDERS = ['/tmp', '/var/run/postgresql', '/run/postgresql'];
const OPEN_TO_OTHERS = 0o077;

/** Of a client of pg, its defaults filled in. */
interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user?: string | undefined;
  readonly database?: string | undefined;
}

/**
 * Read anew for each connection, and only where the server asks for a password.
 *
 * @throws Error in words, where the file has none for this connection, or is not to be trusted.
 */
export async function passwordFor(
  { host, port, user = '', database = user }: Connection,
  file: string,
): Promise<string> {
  const key = { host, port, user, database };
  const text = await textOf(file);
  const password = findPassword(text, key);
  if (password !== undefined) return password;
  const wanted = [hostOf(key), String(key.port), key.database, key.user].map(escaped).join(':');
  throw new Error(
    `passfile ${JSON.stringify(file)} has no line for ${wanted}. Add one, or put the password into the URL`,
  );
}

async function textOf(file: string): Promise<string> {
  try {
    const stats = await fs.stat(file);
    if (!stats.isFile()) throw new Error('it is not a plain file. Name one');
    // As libpq, which passes it over for that.
    if (process.platform !== 'win32' && (stats.mode & OPEN_TO_OTHERS) !== 0) {
      throw new Error("its group or everybody can read it. Make it its owner's alone (chmod 0600)");
    }
    return await fs.readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`passfile ${JSON.stringify(file)} cannot be used: ${reasonOf(error)}`, { cause: error });
  }
}

/** The password of the first line that fits; undefined where none does. */
export function findPassword(text: string, key: PassKey): string | undefined {
  const wanted = [hostOf(key), String(key.port), key.database, key.user];
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    const fields = fieldsOf(line.replace(/\r+$/, ''));
    if (fields.length <= wanted.length) continue;
    const [host, port, database, user, password = ''] = fields;
    const fits = [host, port, database, user].every(
      (field = '', at) => field === '*' || unescaped(field) === wanted[at],
    );
    if (fits) return unescaped(password);
  }
  return undefined;
}

function hostOf({ host }: PassKey): string {
  return DEFAULT_SOCKET_FOLDERS.includes(host) ? 'localhost' : host;
}

/** As they are written: separated by colons, before which no backslash stands. */
function fieldsOf(line: string): string[] {
  const fields = [''];
  for (const [part] of line.matchAll(/\\?[\s\S]/g)) {
    if (part === ':') fields.push('');
    else fields[fields.length - 1] += part;
  }
  return fields;
}

/** A backslash takes the next character as it is. */
const unescaped = (written: string) => written.replace(/\\([\s\S])/g, '$1');
const escaped = (value: string) => value.replace(/[\\:]/g, '\\$&');
