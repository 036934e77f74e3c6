/** Failures of files that the user named. */
import { LoghiveError } from '../src/errors.js';
import { isSystemError, systemErrorText } from './error-text.js';

/** Remedies that depend on it being a file of the user's. */
const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'Give this user access to it, or name another file',
  EPERM: 'Give this user access to it, or name another file',
  ENOENT: 'Check the path',
  ENOTDIR: 'Check the path',
};

/**
 * Runs work on a file.
 *
 * @param what completes "cannot …": `write logs.ndjson`.
 * @throws LoghiveError LOGHIVE_FILE_UNUSABLE with what happened and what to do.
 */
export async function withFile<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isSystemError(error) ? fileError(what, error) : error;
  }
}

export function fileError(what: string, error: NodeJS.ErrnoException): LoghiveError {
  const remedy = REMEDIES[error.code ?? ''];
  const text = systemErrorText(error);
  return new LoghiveError(
    'LOGHIVE_FILE_UNUSABLE',
    `cannot ${what}: ${text}${remedy === undefined ? '' : `. ${remedy}`}`,
    {
      cause: error,
    },
  );
}
