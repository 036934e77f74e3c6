/**
 * Names under which there is a secret, in any spelling: `x-api-key`, `apiKey`, `DB_PASSWORD`, `refreshToken`,
 * `Set-Cookie`.
 *
 * @module
 */

/** Endings of such names, in lower case and without separators. */
const ENDINGS = [
  'authorization',
  'cookie',
  'token',
  'secret',
  'jwt',
  'apikey',
  'accesskey',
  'secretkey',
  'privatekey',
  'credential',
  'pwd',
];
/** Anywhere in a name: `newPasswordAgain`. */
const ANYWHERE = /passw(?:or)?d|passphrase/;
/** Names of several secrets. */
const PLURALS = ENDINGS.map((ending) => `${ending}s`);
/**
 * `auth: 'user:password'`, in Node's requests. Elsewhere `auth` is an object, and `pass` a number of tests: only texts
 * are hidden.
 */
const TEXT_NAMES = ['auth', 'pass'];
/** Endings that do not matter: `authorizationHeader`, `token2`. */
const SUFFIXES = ['header', 'value', 'string', 'text', 'raw'];
const SUFFIX = new RegExp(`(?:${SUFFIXES.join('|')}|\\d)+$`);
/** Longer names are not searched, and the number of remembered names is limited. */
const MAX_CHARACTERS = 100;
const MAX_KNOWN = 2000;

/**
 * Headers with a secret whose names mean nothing else. They are recognized even if only a colon or a place in a list
 * indicates a header.
 */
export const HEADER_NAMES =
  '(?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-auth-token|x-csrf-token|x-xsrf-token|x-amz-security-token';

/** Between the letters of a name. Only the next letter ends a gap, so matching takes linear time. */
const GAP = '[^a-z\\d]*';
/** Marks the end of a name of `TEXT_NAMES` in the words below. */
const END = '.';
/**
 * What may follow such a name, up to its value. As long as a name at most (each quote takes two characters in JSON),
 * because without a limit the regular expression's stack would overflow in a text of many MB.
 */
const BEHIND_TEXT_NAME = `(?:[^a-z]|${SUFFIXES.map((suffix) => [...suffix].join(GAP)).join('|')}){0,${2 * MAX_CHARACTERS}}["'=:]`;

/**
 * The source of a regular expression (flag `i`) that matches each secret's name in the text of an object, in any
 * spelling. It may match other text as well.
 */
export const NAME_HINT = anyOf([
  ...[...ENDINGS, 'password', 'passwd', 'passphrase'],
  ...TEXT_NAMES.map((name) => `${name}${END}`),
]);

/** Common prefixes are matched once: every record goes through this expression. */
function anyOf(words: readonly string[]): string {
  const behind = new Map<string, string[]>();
  for (const word of words) behind.set(word.charAt(0), [...(behind.get(word.charAt(0)) ?? []), word.slice(1)]);
  const branches = [...behind].map(([letter, rests]) => {
    // The shorter word matches whatever a longer one with the same beginning does.
    if (rests.includes('')) return letter;
    const longer = rests.filter((rest) => rest !== END);
    // Not after a gap: characters that both could match would be tried in every combination.
    const ends = longer.length < rests.length ? [BEHIND_TEXT_NAME] : [];
    return `${letter}(?:${[...ends, ...(longer.length > 0 ? [GAP + anyOf(longer)] : [])].join('|')})`;
  });
  return `(?:${branches.join('|')})`;
}

/** `texts`: a plural may be a number (`tokens: 512`), so only texts are hidden, at any depth. */
export type Secrecy = 'none' | 'all' | 'texts';

const known = new Map<string, Secrecy>();

export function secrecyOf(name: string): Secrecy {
  const found = known.get(name);
  if (found !== undefined) return found;
  const secrecy = name.length > MAX_CHARACTERS ? 'none' : classify(name);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(name, secrecy);
  return secrecy;
}

function classify(name: string): Secrecy {
  const letters = name.toLowerCase().replace(/[^a-z\d]/g, '');
  if (ANYWHERE.test(letters)) return letters.endsWith('s') ? 'texts' : 'all';
  const bare = letters.replace(SUFFIX, '');
  if (ENDINGS.some((ending) => bare.endsWith(ending))) return 'all';
  return TEXT_NAMES.includes(bare) || PLURALS.some((ending) => bare.endsWith(ending)) ? 'texts' : 'none';
}
