/** A folder in which nobody else has put anything: what lies there is read, trusted and run. */
import { accessSync, constants, lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { ownershipProblem, parentProblem, trustedOwners } from './file-ownership.js';

interface Needs {
  /** Of what is made. Default 0700. */
  readonly mode?: number;
  /** How to name another folder, for messages. Default: 'name another folder (--data)'. */
  readonly instead?: string;
}

const INSTEAD = 'name another folder (--data)';

/**
 * Makes the folder if need be.
 *
 * @returns its name without symbolic links.
 * @throws LoghiveError LOGHIVE_FOLDER_UNUSABLE where it cannot be made or written to, where it belongs to somebody else or
 *   others may write to it, and where others could put another one in its place.
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
      ? `Take that right away (chmod go-w ${folder})`
      : `Start as uid ${stats.uid}, or ${instead}`;
    refuse(folder, fault && `it ${fault}`, remedy);
    accessSync(real, constants.R_OK | constants.W_OK | constants.X_OK);
    return real;
  } catch (error) {
    throw unusable(folder, error, instead);
  }
}

/**
 * With its parents. Node's own way to do that never ends where the system refuses a name as /proc does.
 *
 * @throws Error of the system.
 */
export function makeFolder(folder: string, mode: number): void {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !existsAsAnything(at); at = path.dirname(at)) missing.push(at);
  // Where it is there and no folder, this says so.
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

/** @throws LoghiveError LOGHIVE_FOLDER_UNUSABLE where others could put another folder in its place. */
export function checkParents(folder: string, instead = INSTEAD): void {
  refuse(folder, parentProblem(folder, trustedOwners()), `Take that right away (chmod o-w), or ${instead}`);
}

function refuse(folder: string, fault: string | undefined, remedy: string): void {
  if (fault === undefined) return;
  throw new LoghiveError(
    'LOGHIVE_FOLDER_UNUSABLE',
    `folder ${shortened(folder)} is not safe to use: ${fault}. ${remedy}.`,
  );
}

/** What the system refused to do with a folder, and what helps against that. Errors of Loghive stay as they are. */
export function unusable(folder: string, error: unknown, instead = INSTEAD): LoghiveError {
  if (error instanceof LoghiveError) return error;
  return new LoghiveError(
    'LOGHIVE_FOLDER_UNUSABLE',
    `folder ${shortened(folder)} cannot be used: ${shortened(reasonOf(error))}. ${remedyFor(folder, error, instead)}.`,
    { cause: error },
  );
}

/** A path of any length, or a sentence with one in it. */
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
    case 'ENOTDIR':
      return `There is a file of that name, and no folder. ${Alternative}`;
    case 'EROFS':
      return `That disk is read-only. ${Alternative}`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `Free room on that disk, or ${instead}`;
    case 'ENAMETOOLONG':
      return `Its path is too long. ${Alternative}`;
    default:
      return Alternative;
  }
}

/** The right alone would not help where somebody else has made it: its files are theirs as well. */
function remedyForRights(folder: string, instead: string): string | undefined {
  const found = nearestFound(folder);
  const me = process.getuid?.();
  // To root nobody has to give a right.
  if (found === undefined || me === undefined || me === 0) return undefined;
  if (found.at === path.resolve(folder) && found.uid !== me) {
    return `It belongs to uid ${found.uid}, and this is uid ${me}. Start as uid ${found.uid}, or ${instead}`;
  }
  return `Let uid ${me} read and write in ${found.at}, or ${instead}`;
}

/** The folder, or what there is on the way to it. */
function nearestFound(folder: string): { at: string; uid: number } | undefined {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    try {
      return { at, uid: lstatSync(at).uid };
    } catch {
      if (at === path.dirname(at)) return undefined;
    }
  }
}
