/**
 * Small files that are trusted: passwords, ports, who holds a lock. They are read only where nobody else can have written
 * them, through no link; and appear whole, by a draft whose name nobody can foresee.
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
  /** When it was written last, by the clock of the file system, in epoch milliseconds. */
  readonly writtenAtMs: number;
}

/**
 * Undefined where there is none.
 *
 * @throws LoghiveError LOGHIVE_FOLDER_UNUSABLE where somebody else can have written it, and for a symbolic link.
 */
export function readTrustedFile(file: string): TrustedFile | undefined {
  const owners = trustedOwners();
  let fd: number;
  try {
    // A pipe would be waited for, were it opened like a file.
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
    const fault = stats.isFile() ? ownershipProblem(stats, owners) : 'is not a plain file';
    if (fault !== undefined) throw unsafe(file, fault);
    return { text: readFileSync(fd, 'utf8'), writtenAtMs: stats.mtimeMs };
  } finally {
    closeSync(fd);
  }
}

function unsafe(file: string, fault: string): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_FOLDER_UNUSABLE',
    `file ${file} is not safe to use: it ${fault}. Remove it, or name another folder (--data).`,
  );
}

/** Whoever dies meanwhile leaves a draft, or nothing; what was there before stays. */
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
