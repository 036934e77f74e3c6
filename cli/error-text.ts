/** Formats the error that ends a command. Pure. */
import { inspect } from 'node:util';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { printableLines } from '../src/printable.js';
import { asSentence } from '../src/sentence.js';
import { maskUrlsIn } from '../src/settings/mask-url.js';

/** Remedies for system errors whose message does not suggest one. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'Free disk space',
  EDQUOT: "Free disk space: this user's quota is exhausted",
  EROFS: 'That file system is read-only; use another one',
  EMFILE: 'Too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'Too many files are open on this machine',
  ENOMEM: 'This machine is out of memory',
};

/** Returns one message, including the line feed. Contains a stack trace only for unexpected errors. */
export function errorText(error: unknown): string {
  const text = asSentence(error instanceof LoghiveError ? withCliNames(error.message) : unexpectedError(error));
  // If the message already names the command, no prefix is needed.
  const prefix = text.startsWith('loghive ') ? '' : 'loghive: ';
  return `${prefix}${printableLines(text).replaceAll('\n', '\n    ')}\n`;
}

function unexpectedError(error: unknown): string {
  const { syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall === 'uv_cwd') return 'the working directory was removed. Change to an existing one';
  if (!isSystemError(error)) return `unexpected error, please report it: ${maskUrlsIn(inspect(error))}`;
  return systemErrorText(error);
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return /^E[A-Z0-9]+$/.test(String((error as { code?: unknown } | null | undefined)?.code ?? ''));
}

/** What the system reports, and the remedy if there is one. */
export function systemErrorText(error: NodeJS.ErrnoException): string {
  const remedy = REMEDIES[error.code ?? ''];
  return `${maskUrlsIn(reasonOf(error))}${remedy === undefined ? '' : `. ${remedy}`}`;
}

const CLI_NAMES: Readonly<Record<string, string>> = {
  url: 'option --url',
  databaseUrl: 'option --database-url',
  schema: 'option --schema',
  service: 'option --service',
  httpPort: 'option --http-port',
  httpHost: 'option --http-host',
  services: 'argument [services...]',
  cursor: 'option --cursor',
};

/**
 * Rewrites library messages for the command line: options get their command-line names, and advice that only applies to
 * code is replaced. Pure.
 */
export function withCliNames(text: string): string {
  return text
    .replace(/ or set the option "(\w+)"/g, (_, name: string) => (CLI_NAMES[name] ? ` or pass ${CLI_NAMES[name]}` : ''))
    .replace(/option "(\w+)"/g, (match, name: string) => CLI_NAMES[name] ?? match)
    .replace(/\. Await close\(\) before the process ends\./, '. Let the command finish.');
}
