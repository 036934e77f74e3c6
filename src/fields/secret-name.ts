/**
 * Which names say that a secret stands under them, in whatever way they are written: `x-api-key`, `apiKey`,
 * `DB_PASSWORD`, `refreshToken`, `Set-Cookie`.
 *
 * @module
 */

/** What a name ends with, its words put together. */
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
/** Wherever it stands in the name: `newPasswordAgain`. */
const ANYWHERE = /passw(?:or)?d|passphrase/;
/** Of several. */
const PLURALS = ENDINGS.map((ending) => `${ending}s`);
/** `auth: 'user:password'`, of Node's requests; elsewhere it is an object, and `pass` a number of tests. */
const TEXT_NAMES = ['auth', 'pass'];
/** Words behind it that change nothing: `authorizationHeader`, `token2`. */
const SUFFIXES = ['header', 'value', 'string', 'text', 'raw'];
const SUFFIX = new RegExp(`(?:${SUFFIXES.join('|')}|\\d)+$`);
/** Longer names are none; and what is kept of them is bounded. */
const MOST_CHARACTERS = 100;
const MOST_KNOWN = 2000;

/** Headers that hold a secret and that nothing else is called like: also known where only a colon or a place in a list tells. */
export const HEADER_NAMES =
  '(?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-auth-token|x-csrf-token|x-xsrf-token|x-amz-security-token';

/** Between the letters of a name. Nothing but the next letter ends a gap: that takes linear time. */
const GAP = '[^a-z\\d]*';
const END = '.';
/** Bounded, as names are (a quote in one counts twice in JSON): in a text of many MB the stack would overflow. */
const BEHIND_TEXT_NAME = `(?:[^a-z]|${SUFFIXES.map((suffix) => [...suffix].join(GAP)).join('|')}){0,${2 * MOST_CHARACTERS}}["'=:]`;

/**
 * The source of an expression (flag `i`) that hits each name of a secret in the text of an object, in whatever way its
 * words are parted, and others as well.
 */
export const NAME_HINT = anyOf([
  ...[...ENDINGS, 'password', 'passwd', 'passphrase'],
  ...TEXT_NAMES.map((name) => `${name}${END}`),
]);

/** What words begin with together is tried once: each record is read by this. */
function anyOf(words: readonly string[]): string {
  const behind = new Map<string, string[]>();
  for (const word of words) behind.set(word.charAt(0), [...(behind.get(word.charAt(0)) ?? []), word.slice(1)]);
  const branches = [...behind].map(([letter, rests]) => {
    // A longer word that begins with a shorter one says no more.
    if (rests.includes('')) return letter;
    const longer = rests.filter((rest) => rest !== END);
    // Not behind a gap: what both could take, they would try in every way.
    const ends = longer.length < rests.length ? [BEHIND_TEXT_NAME] : [];
    return `${letter}(?:${[...ends, ...(longer.length > 0 ? [GAP + anyOf(longer)] : [])].join('|')})`;
  });
  return `(?:${branches.join('|')})`;
}

/** `texts`: under a plural there may be a number of them (`tokens: 512`), so only texts are hidden, at any depth. */
export type Secrecy = 'none' | 'all' | 'texts';

const known = new Map<string, Secrecy>();

export function secrecyOf(name: string): Secrecy {
  const found = known.get(name);
  if (found !== undefined) return found;
  const secrecy = name.length > MOST_CHARACTERS ? 'none' : judged(name);
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(name, secrecy);
  return secrecy;
}

function judged(name: string): Secrecy {
  const letters = name.toLowerCase().replace(/[^a-z\d]/g, '');
  if (ANYWHERE.test(letters)) return letters.endsWith('s') ? 'texts' : 'all';
  const bare = letters.replace(SUFFIX, '');
  if (ENDINGS.some((ending) => bare.endsWith(ending))) return 'all';
  return TEXT_NAMES.includes(bare) || PLURALS.some((ending) => bare.endsWith(ending)) ? 'texts' : 'none';
}
