/** What a step of `loghive doctor` found: a fact, and what to do about it if it is a fault. Pure. */
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { maskUrlsIn } from '../../src/settings/mask-url.js';

export type Verdict =
  | { readonly state: 'ok'; readonly detail: string }
  /** Something is wrong. */
  | { readonly state: 'failed'; readonly detail: string; readonly remedy: string }
  /** Neither right nor wrong, or impossible to find out from here. */
  | { readonly state: 'note'; readonly detail: string }
  /** Not examined; `detail` says why. */
  | { readonly state: 'skipped'; readonly detail: string };

export type Finding = Verdict & {
  /** What is examined: `RabbitMQ at localhost:5672`. */
  readonly section: string;
  readonly step: string;
};

export const ok = (detail: string): Verdict => ({ state: 'ok', detail });
export const failed = (detail: string, remedy: string): Verdict => ({ state: 'failed', detail, remedy });
export const note = (detail: string): Verdict => ({ state: 'note', detail });
export const skipped = (detail: string): Verdict => ({ state: 'skipped', detail });

/** Messages of Loghive end with what to do: `…: nothing listens there (…). Start the broker, or correct host and port.` */
export function failedBecause(message: string, otherwise: string): Verdict {
  const text = message.trim().replace(/\.$/, '');
  const end = lastSentenceEnd(text);
  return end === undefined ? failed(text, otherwise) : failed(text.slice(0, end), `${text.slice(end + 2)}.`);
}

/** Where the last full stop is that another sentence follows, outside of parentheses. */
function lastSentenceEnd(text: string): number | undefined {
  let depth = 0;
  let last: number | undefined;
  for (const found of text.matchAll(/[()]|\. (?=[A-Z])/g)) {
    if (found[0] === '(') depth += 1;
    else if (found[0] === ')') depth -= 1;
    else if (depth <= 0) last = found.index;
  }
  return last;
}

/** @param otherwise the remedy, if the message of the error names none. */
export function failedWith(error: unknown, otherwise: string): Verdict {
  return failedBecause(messageOf(error), otherwise);
}

function messageOf(error: unknown): string {
  if (!(error instanceof LoghiveError)) return maskUrlsIn(reasonOf(error));
  // Without "PostgreSQL cannot store records: ", because nothing is to be stored here.
  const { reason } = error as { reason?: unknown };
  return typeof reason === 'string' ? reason : error.message;
}

/** `a`, `a and b`, `a, b and 3 others` */
export function namesOf(names: readonly string[], shown = 2): string {
  if (names.length <= shown) return names.join(' and ');
  const others = names.length - shown;
  return `${names.slice(0, shown).join(', ')} and ${others} ${others === 1 ? 'other' : 'others'}`;
}
