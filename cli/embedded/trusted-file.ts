/**
 * Small files whose content is trusted: passwords, ports, lock owners. They are read only if no other user can have
 * written them, never through a link, and are written atomically through a draft with an unpredictable name.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { LoghiveError } from '../../src/errors.js';
import { ownershipProblem, trustedOwners } from './file-ownership.js';

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

export interface TrustedFile {
  readonly text: string;
  /** Modification time by the file system's clock, in epoch milliseconds. */
  readonly writtenAtMs: number;
}

/**
 * Returns undefined if the file does not exist.
 *
 * @throws LoghiveError LOGHIVE_FOLDER_UNUSABLE if another user can have written it, or it is a symbolic link.
 */
export function readTrustedFile(file: string): TrustedFile | undefined {
  const owners = trustedOwners();
  let fd: number;
  try {
    // Non-blocking, because opening a named pipe would wait for a writer.
    fd = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP') throw unsafe(file, 'is a symbolic link');
    if (code === 'EACCES') throw unsafe(file, ownershipProblem(lstatSync(file), owners) ?? 'cannot be read');
    throw error;
  }
  try {
    const stats = fstatSync(fd);
    const fault = stats.isFile() ? ownershipProblem(stats, owners) : 'is not a regular file';
    if (fault !== undefined) throw unsafe(file, fault);
    return { text: readFileSync(fd, 'utf8'), writtenAtMs: stats.mtimeMs };
  } finally {
    closeSync(fd);
  }
}

function unsafe(file: string, fault: string): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_FOLDER_UNUSABLE',
    `file ${file} is not safe to use: it ${fault}. Remove it, or use another directory (--data).`,
  );
}

/** Atomic: a process killed in between leaves a draft or nothing, and the previous content stays. */
export function writeTrustedFile(file: string, text: string, mode = 0o600): void {
  const draft = draftPath(file);
  try {
    writeFileSync(draft, text, { mode, flag: 'wx' });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

export function draftPath(file: string): string {
  return `${file}.draft-${randomBytes(8).toString('hex')}`;
}
