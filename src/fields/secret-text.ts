/**
 * Secrets within texts: URLs, bodies of requests and responses, header lines, printed objects. Takes linear time,
 * because the texts may come from attackers.
 *
 * @module
 */
import type { Json } from '../value/json-value.js';
import { HEADER_NAMES, NAME_HINT, secrecyOf } from './secret-name.js';

/** A quick test, also for texts within JSON. May match a text without a secret. */
const HINT = new RegExp(
  `${NAME_HINT}|eyJ|bearer |basic |://[^\\s"'/]*@|[?&;](?:key|sig|code|x-amz-)|(?:params|parameters|query|string|qs)[\\\\"']{0,8}[:,] ?\\\\*[{["]`,
  'i',
);

/** Replaces a value. Must not throw. */
export type Censor = (value: Json, path: readonly string[]) => Json;

/** Replaces a part of a text. */
type TextCensor = (secret: string) => string;

/** A censor for the parts of a text. It does not replace again what it has returned. */
export function textCensor(censor: Censor, path: readonly string[]): TextCensor {
  const replacements = new Set<string>();
  return (secret) => {
    if (replacements.has(secret)) return secret;
    const replacement = censor(secret, path);
    const text = typeof replacement === 'string' ? replacement : JSON.stringify(replacement);
    replacements.add(text);
    return text;
  };
}

export function mayHoldSecret(text: string): boolean {
  return HINT.test(text);
}

/** A login in a URL: user and password, or a token as the user. */
const USER_INFO = /:\/\/([^\s:@/?#"'<>]*)(:[^\s/"'<>]*)?@/g;
const MIN_TOKEN = 16;
/** `Authorization: Bearer …`, up to the end of the line. */
const HEADER_LINE = new RegExp(
  // Also after a line break that is written as `\\n`.
  `(?:(?<![\\w-])|(?<=\\\\[nr]))(${HEADER_NAMES})([ \\t]{0,4}:[ \\t]{0,4})([^\\s"'\`\\\\[{][^\\r\\n"'\`\\\\]*)`,
  'gi',
);
const SCHEME = /\b(bearer|basic|digest|negotiate|token)[ \t]+([\w.~+/=-]{8,})/gi;
/**
 * Matches only at the start of a run of these characters: trying each `eyJ` in a long run would take quadratic time.
 */
const JWT = /(?<![\w-])(?=[\w-]*?\beyJ[\w-]{8})[\w-]{11,}\.[\w-]{8,}\.[\w-]*/g;
const JWT_START = /\beyJ[\w-]{8}/;
/** `token=abc&`, in a query, a form, or anywhere else. */
const PARAMETER = /(?<![\w.\][%-])([\w.\][%-]{1,80})=(?=[^\s&"'`<>;,)\]}[{\\])([^\s&"'`<>;)]+)/g;
/** Other secrets in the query of a URL: of Google, Azure, AWS, OAuth. */
export const IN_QUERY = /^(?:key|sig|signature|auth|code|x-amz-signature|x-amz-credential)$/i;
/**
 * `"password":"abc"`, `password: 'abc'`, `'token' => "abc"`, `"set-cookie":[`, `"pin_token":1234`; the quotes may be
 * escaped.
 */
const PAIR = /(?<![\w.-])([\w.-]{1,80})(\\*["'`])?[ \t]{0,4}(?::|=>?)[ \t\r\n]{0,8}(?:(\\*)(["'`[{])|(-?\d[\w.+-]*))/g;

/** `"Cookie","sid=…"`, `'cookie', 'sid=…'`: lists in which header names and values alternate, or are pairs. */
const LISTED = new RegExp(`(?<!\\\\)(\\\\*["'\`])(?:${HEADER_NAMES})\\1,(?:\\s|\\\\n){0,80}(\\\\*)(["'\`])`, 'gi');
/** `"name":"Cookie","value":"sid=…"`, `{ key: 'Cookie', value: 'sid=…' }`. */
const NAMED =
  /(?<![\w.-])(?:name|key)(?:\\*["'`])?:[ \t]?(\\*["'`])([\w.-]{1,80})\1,(?:\s|\\n){0,80}(?:\\*["'`])?value(?:\\*["'`])?:[ \t]?(\\*)(["'`])/g;
/** Names of an object that is the query of a URL: `params` in axios, `query` in Express, `queryString` in HAR files. */
export const QUERY = /(?:^|search|query)[-_]?params$|query(?:[-_]?string(?:[-_]?parameters)?)?$|^qs$/i;

export function hideInText(text: string, censor: TextCensor): string {
  if (!mayHoldSecret(text)) return text;
  return hideNext(hideNext(hidePairs(text, censor), LISTED, censor), NAMED, censor)
    .replace(USER_INFO, (whole, user: string, password: string | undefined) => {
      if (password !== undefined) return password === ':' ? whole : `://${user}:${censor(password.slice(1))}@`;
      return user.length < MIN_TOKEN ? whole : `://${censor(user)}@`;
    })
    .replace(HEADER_LINE, (_whole, name: string, colon: string, value: string) => `${name}${colon}${censor(value)}`)
    .replace(PARAMETER, (whole, name: string, value: string, at: number, all: string) => {
      const isInQuery = IN_QUERY.test(name) && /[?&;]/.test(all[at - 1] ?? '');
      return isInQuery || secrecyOf(name) !== 'none' ? `${name}=${censor(value)}` : whole;
    })
    .replace(SCHEME, (whole, scheme: string, value: string) => (isWord(value) ? whole : `${scheme} ${censor(value)}`))
    .replace(JWT, (whole) => {
      const start = whole.search(JWT_START);
      return whole.slice(0, start) + censor(whole.slice(start));
    });
}

/** As in "basic authentication". */
function isWord(text: string): boolean {
  return text.length < 20 && /^[A-Za-z]+[.-]?$/.test(text);
}

/**
 * Hides the quoted text that begins where the expression ends. The last groups of the expression are the backslashes
 * and the quote.
 */
function hideNext(text: string, opening: RegExp, censor: TextCensor): string {
  let hidden = '';
  let from = 0;
  opening.lastIndex = 0;
  for (let found = opening.exec(text); found !== null; found = opening.exec(text)) {
    const [escapes = '', quote = ''] = found.slice(-2);
    const start = opening.lastIndex;
    const end = closingQuote(text, start, quote, escapes.length);
    const isSecret = opening !== NAMED || secrecyOf(found[2] as string) !== 'none';
    if (isSecret && end > start) {
      hidden += text.slice(from, start) + censor(text.slice(start, end));
      from = end;
    }
    opening.lastIndex = end;
  }
  return hidden === '' ? text : hidden + text.slice(from);
}

function hidePairs(text: string, censor: TextCensor): string {
  let hidden = '';
  let from = 0;
  let queryEnd = 0;
  PAIR.lastIndex = 0;
  for (let pair = PAIR.exec(text); pair !== null; pair = PAIR.exec(text)) {
    const [whole, name = '', quote = '', escapes = '', opener = '', number] = pair;
    const secrecy = pair.index < queryEnd && IN_QUERY.test(name) ? 'all' : secrecyOf(name);
    const next = pair.index + whole.length;
    if (number !== undefined) {
      // A number of tokens is not secret. Quoted like its name, so that JSON stays valid.
      if (secrecy === 'all') {
        hidden += text.slice(from, next - number.length) + quote + censor(number) + quote;
        from = next;
      } else {
        PAIR.lastIndex = next - number.length;
      }
      continue;
    }
    const isBracket = opener === '{' || opener === '[';
    if (secrecy === 'none') {
      // A query within another one is part of it.
      if (opener === '{' && next > queryEnd && QUERY.test(name)) queryEnd = closing(text, next);
      // The value may itself be a pair.
      PAIR.lastIndex = isBracket ? next : next - 1;
      continue;
    }
    const end = isBracket ? closing(text, next) : closingQuote(text, next, opener, escapes.length);
    if (end > next) {
      hidden += text.slice(from, next) + censor(text.slice(next, end));
      from = end;
    }
    PAIR.lastIndex = end;
  }
  return hidden === '' ? text : hidden + text.slice(from);
}

/**
 * Index of the bracket that closes the one before `start`. The end of the text if there is none: hiding too much is
 * better than too little.
 */
function closing(text: string, start: number): number {
  let depth = 1;
  let escapes = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at] as string;
    if (character === '\\') {
      escapes += 1;
      continue;
    }
    if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    else if (character === '"' || character === "'" || character === '`') {
      at = nextQuote(text, at + 1, character, escapes);
    }
    if (depth === 0) return at;
    escapes = 0;
  }
  return text.length;
}

/** The end of a quoted text, without the backslashes before the closing quote. */
function closingQuote(text: string, start: number, quote: string, escapes: number): number {
  const at = nextQuote(text, start, quote, escapes);
  const before = at - backslashesBefore(text, at, start);
  return at < text.length && (before === start || escapes > 0) ? before : at;
}

/** @param escapes number of backslashes before the opening quote, and so before the closing one. */
function nextQuote(text: string, start: number, quote: string, escapes: number): number {
  for (let at = text.indexOf(quote, start); at !== -1; at = text.indexOf(quote, at + 1)) {
    const count = backslashesBefore(text, at, start);
    if (escapes === 0 ? count % 2 === 0 : count <= escapes) return at;
  }
  return text.length;
}

function backslashesBefore(text: string, at: number, start: number): number {
  let before = at;
  while (before > start && text.charCodeAt(before - 1) === 0x5c) before -= 1;
  return at - before;
}
