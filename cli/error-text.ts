/** The last words of a command that fails. Pure. */
import { inspect } from 'node:util';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { printableLines } from '../src/printable.js';
import { asSentence } from '../src/sentence.js';
import { maskUrlsIn } from '../src/settings/mask-url.js';

/** Where the system's own words do not say what to do. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'Free room on that disk',
  EDQUOT: "Free room: this user's quota is used up",
  EROFS: 'That disk is read-only; name a place that is not',
  EMFILE: 'Too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'Too many files are open on this machine',
  ENOMEM: 'This machine has no memory left',
};

/** One message, line feed included. Only for a fault of Loghive itself it holds a stack. */
export function errorText(error: unknown): string {
  const text = asSentence(error instanceof LoghiveError ? withCliNames(error.message) : foreignFault(error));
  // Where it says which command it is about, that is enough.
  const who = text.startsWith('loghive ') ? '' : 'loghive: ';
  return `${who}${printableLines(text).replaceAll('\n', '\n    ')}\n`;
}

function foreignFault(error: unknown): string {
  const { code = '', syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall === 'uv_cwd') return 'the working directory was removed. Change to one that is there';
  if (!/^E[A-Z0-9]+$/.test(code)) return `unexpected fault, please report it: ${maskUrlsIn(inspect(error))}`;
  return `${maskUrlsIn(reasonOf(error))}${REMEDIES[code] === undefined ? '' : `. ${REMEDIES[code]}`}`;
}

/**
 * Messages of the library, for somebody who typed a command: options by the names that the command line has, and no advice
 * that only code can follow. Pure.
 */
const TYPED: Readonly<Record<string, string>> = {
  url: 'option --url',
  databaseUrl: 'option --database-url',
  schema: 'option --schema',
  service: 'option --service',
  httpPort: 'option --http-port',
  httpHost: 'option --http-host',
  services: 'argument [services...]',
};

export function withCliNames(text: string): string {
  return text
    .replace(/ or set the option "(\w+)"/g, (_, name: string) => (TYPED[name] ? ` or give ${TYPED[name]}` : ''))
    .replace(/option "(\w+)"/g, (said, name: string) => TYPED[name] ?? said)
    .replace(/: await close\(\) before it, or let the script end\./, '. Let it come to its end by itself.');
}
