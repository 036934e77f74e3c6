/** Directories that no other user can have written to, because their files are trusted and executed. */
import { accessSync, constants, lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { ownershipProblem, parentProblem, trustedOwners } from './file-ownership.js';

interface Needs {
  /** Mode of created directories. Default 0700. */
  readonly mode?: number;
  /** How to choose another directory, for error messages. Default: 'use another directory (--data)'. */
  readonly instead?: string;
}

const INSTEAD = 'use another directory (--data)';

/**
 * Creates the directory if it does not exist.
 *
 * @returns its path without symbolic links.
 * @throws LoghiveError LOGHIVE_FOLDER_UNUSABLE if it cannot be created or written to, belongs to another user, is
 *   writable by others, or could be replaced by others.
 */
export function openTrustedFolder(folder: string, { mode = 0o700, instead = INSTEAD }: Needs = {}): string {
  try {
    checkParents(folder, instead);
    makeFolder(folder, mode);
    const real = realpathSync(folder);
    const stats = lstatSync(real);
    const owners = trustedOwners();
    const fault = ownershipProblem(stats, owners);
    const remedy = owners?.has(stats.uid)
      ? `Remove that permission (chmod go-w ${folder})`
      : `Run as uid ${stats.uid}, or ${instead}`;
    refuse(folder, fault && `it ${fault}`, remedy);
    accessSync(real, constants.R_OK | constants.W_OK | constants.X_OK);
    return real;
  } catch (error) {
    throw unusable(folder, error, instead);
  }
}

/**
 * Creates the directory and its parents. Node's recursive mkdir never returns if the system refuses a name, as /proc
 * does.
 *
 * @throws Error of the system.
 */
export function makeFolder(folder: string, mode: number): void {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !existsAsAnything(at); at = path.dirname(at)) missing.push(at);
  // If the path exists but is not a directory, this throws the right error.
  if (missing.length === 0 && !statSync(folder).isDirectory()) mkdirSync(folder);
  for (const each of missing.reverse()) {
    try {
      mkdirSync(each, mode);
    } catch (error) {
      // Another process was faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function existsAsAnything(at: string): boolean {
  return lstatSync(at, { throwIfNoEntry: false }) !== undefined;
}

/** @throws LoghiveError LOGHIVE_FOLDER_UNUSABLE if others could replace the directory. */
export function checkParents(folder: string, instead = INSTEAD): void {
  refuse(folder, parentProblem(folder, trustedOwners()), `Remove that permission (chmod o-w), or ${instead}`);
}

function refuse(folder: string, fault: string | undefined, remedy: string): void {
  if (fault === undefined) return;
  throw new LoghiveError(
    'LOGHIVE_FOLDER_UNUSABLE',
    `directory ${shortened(folder)} is not safe to use: ${fault}. ${remedy}.`,
  );
}

/** Converts a system error about a directory, adding a remedy. LoghiveErrors are returned unchanged. */
export function unusable(folder: string, error: unknown, instead = INSTEAD): LoghiveError {
  if (error instanceof LoghiveError) return error;
  return new LoghiveError(
    'LOGHIVE_FOLDER_UNUSABLE',
    `directory ${shortened(folder)} cannot be used: ${shortened(reasonOf(error))}. ${remedyFor(folder, error, instead)}.`,
    { cause: error },
  );
}

/** Shortens a path, or a sentence that contains one. */
function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 150)}…${text.slice(-100)}` : text;
}

function remedyFor(folder: string, error: unknown, instead: string): string {
  const Alternative = instead.charAt(0).toUpperCase() + instead.slice(1);
  switch ((error as NodeJS.ErrnoException | null)?.code) {
    case 'EACCES':
    case 'EPERM':
      return remedyForRights(folder, instead) ?? Alternative;
    case 'EEXIST':
      return `A file of that name exists. ${Alternative}`;
    case 'ENOTDIR':
      return `Part of its path is a file. ${Alternative}`;
    case 'EROFS':
      return `That file system is read-only. ${Alternative}`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `Free disk space, or ${instead}`;
    case 'ENAMETOOLONG':
      return `Its path is too long. ${Alternative}`;
    default:
      return Alternative;
  }
}

/** Permission alone would not help in another user's directory: its files belong to that user too. */
function remedyForRights(folder: string, instead: string): string | undefined {
  const found = nearestFound(folder);
  const me = process.getuid?.();
  // Root already has every permission.
  if (found === undefined || me === undefined || me === 0) return undefined;
  if (found.at === path.resolve(folder) && found.uid !== me) {
    return `It belongs to uid ${found.uid}, and this process runs as uid ${me}. Run as uid ${found.uid}, or ${instead}`;
  }
  return `Give uid ${me} read and write permission for ${found.at}, or ${instead}`;
}

/** The directory, or its closest existing parent. */
function nearestFound(folder: string): { at: string; uid: number } | undefined {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    try {
      return { at, uid: lstatSync(at).uid };
    } catch {
      if (at === path.dirname(at)) return undefined;
    }
  }
}
