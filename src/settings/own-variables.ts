/** Loghive's own environment variables, so that a misspelled one, which has no effect, is reported. Pure. */
import { nearest } from './nearest.js';

const PREFIX = 'LOGHIVE_';
const KNOWN = [
  'URL',
  'SERVICE',
  'ENABLED',
  'REDACT',
  'SPOOL',
  'SPOOL_DIR',
  'DATABASE_URL',
  'TRACE_FIELDS',
  'LOG_LEVEL',
];

/**
 * Variables that are not settings: those of this project's tests, and those that Kubernetes sets in every container
 * for a service whose name begins with "loghive".
 */
const NOT_OURS = /^TEST_|(?:^|_)(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)$/i;

/**
 * The warning about a variable, without its subject: `is unknown …`, `has no effect …`. Undefined if the variable is
 * known, or does not look like one of Loghive's.
 */
export function unknownVariable(name: string): string | undefined {
  const rest = name.slice(PREFIX.length);
  if (!name.toUpperCase().startsWith(PREFIX) || NOT_OURS.test(rest)) return undefined;
  if (name.startsWith(PREFIX) && KNOWN.includes(rest)) return undefined;
  const meant = nearest(rest, KNOWN);
  const hint = meant
    ? `Did you mean ${PREFIX}${meant}?`
    : `Known variables: ${KNOWN.map((one) => PREFIX + one).join(', ')}.`;
  return `is unknown and has no effect. ${hint}`;
}
