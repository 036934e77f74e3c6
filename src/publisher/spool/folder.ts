/**
 * Where segments lie: one folder for each service and broker, `shop-5d41402a`, below the folder of the option
 * `spool.dir`. Only this user may read it: it holds what the application logs.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { BrokerConfig } from '../../config.js';

/** In the system's temporary folder, which other users can write to as well. A restart of the machine may clear it. */
export function temporaryFolder(): string {
  return path.join(os.tmpdir(), `loghive-${process.getuid?.() ?? os.userInfo().username}`);
}

/** Credentials do not count: they change. */
export function folderName(service: string, { hosts }: Pick<BrokerConfig, 'hosts'>): string {
  const addresses = hosts.map(({ hostname, port, vhost }) => `${hostname}:${port}/${vhost}`);
  const hash = createHash('sha256').update(addresses.sort().join()).digest('hex').slice(0, 8);
  return `${service}-${hash}`;
}

/**
 * Creates the folder and those above it.
 *
 * @throws an error whose message completes the sentence "the spool cannot be used: …".
 */
export function prepareFolder(folder: string): void {
  const above = path.dirname(folder);
  if (above === temporaryFolder()) prepareOwn(above);
  else mkdirSync(above, { recursive: true, mode: 0o700 });
  prepareOwn(folder);
}

function prepareOwn(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  assertOwn(folder, lstatSync(folder));
}

/**
 * Checks the folder before anything in it is read.
 *
 * @throws as `prepareFolder()`; the system's error if there is no such folder.
 */
export async function checkFolder(folder: string): Promise<void> {
  const above = path.dirname(folder);
  for (const each of above === temporaryFolder() ? [above, folder] : [folder]) assertOwn(each, await lstat(each));
}

function assertOwn(folder: string, stats: Stats): void {
  const fault = faultOf(stats);
  if (fault !== undefined) throw new Error(`${folder} ${fault}. Set LOGHIVE_SPOOL_DIR to a folder of your own.`);
}

/** Somebody else could have made the folder, to read the records or to plant some. */
export function faultOf(
  stats: Pick<Stats, 'isDirectory' | 'uid' | 'mode'>,
  uid = process.getuid?.(),
): string | undefined {
  if (!stats.isDirectory()) return 'is not a folder (symbolic links are refused)';
  if (uid === undefined) return undefined;
  if (stats.uid !== uid) return `belongs to another user (uid ${stats.uid})`;
  if ((stats.mode & 0o022) !== 0) return 'can be written to by other users';
  return undefined;
}
