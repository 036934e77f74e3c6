/** Loghive's own environment variables, so that a misspelt one is noticed: it would have no effect. Pure. */
import { nearest } from './nearest.js';

const PREFIX = 'LOGHIVE_';
const KNOWN = ['URL', 'SERVICE', 'ENABLED', 'REDACT', 'DATABASE_URL', 'LOG_LEVEL'];
/** Settings of another version. */
const NOT_YET = ['SPOOL_DIR'];

/**
 * What is no setting of ours: those of this project's tests, and what Kubernetes sets in every container for a service
 * whose name begins with "loghive".
 */
const NOT_OURS = /^TEST_|(?:^|_)(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)$/i;

/** What to say behind the place of a variable. Undefined when it is known, or does not look like one of Loghive's. */
export function unknownVariable(name: string): string | undefined {
  const rest = name.slice(PREFIX.length);
  if (!name.toUpperCase().startsWith(PREFIX) || NOT_OURS.test(rest)) return undefined;
  if (name.startsWith(PREFIX) && KNOWN.includes(rest)) return undefined;
  if (name.startsWith(PREFIX) && NOT_YET.includes(rest)) return 'has no effect in this version of Loghive. Remove it.';
  const meant = nearest(rest, KNOWN);
  const hint = meant ? `Did you mean ${PREFIX}${meant}?` : `Known are ${KNOWN.map((one) => PREFIX + one).join(', ')}.`;
  return `is unknown and has no effect. ${hint}`;
}
