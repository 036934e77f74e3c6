/** The passwords of a cluster, in the form that libpq reads by itself (PGPASSFILE). */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { LoghiveError } from '../../../src/errors.js';
import { readOwnFile, writeOwnFile } from '../own-file.js';

export const SUPERUSER = 'postgres';
/** Of the role that works, and of its database. */
export const ROLE = 'loghive';

export interface Passwords {
  readonly passFile: string;
  readonly superuser: string;
  readonly role: string;
}

/** Makes them where there is no cluster yet. @throws LoghiveError LOGHIVE_POSTGRES_FAILED where those of one are gone. */
export function passwordsIn(folder: string, clusterExists: boolean): Passwords {
  const passFile = path.join(folder, 'pgpass');
  const { text = '' } = readOwnFile(passFile) ?? {};
  // Any port: a later start may take another one.
  const of = (user: string) => new RegExp(`^127\\.0\\.0\\.1:\\*:\\*:${user}:(\\w+)$`, 'm').exec(text)?.[1];
  const [superuser, role] = [of(SUPERUSER), of(ROLE)];
  if (superuser !== undefined && role !== undefined) return { passFile, superuser, role };
  if (clusterExists) {
    throw new LoghiveError(
      'LOGHIVE_POSTGRES_FAILED',
      `${passFile} does not hold the passwords of the data beside it. Restore it, or remove ${folder} to begin with no data.`,
    );
  }
  const fresh = { passFile, superuser: randomBytes(16).toString('hex'), role: randomBytes(16).toString('hex') };
  const line = (user: string, password: string) => `127.0.0.1:*:*:${user}:${password}\n`;
  writeOwnFile(passFile, line(ROLE, fresh.role) + line(SUPERUSER, fresh.superuser));
  return fresh;
}
