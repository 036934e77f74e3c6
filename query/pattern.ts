/**
 * Regular expressions that mean the same in PostgreSQL and in JavaScript, and that neither runs for long: literals,
 * `.`, classes, groups, alternatives, anchors and repetitions. Pure.
 *
 * The two dialects differ in what `\d`, `\w` and `\s` contain, whether `.` includes a line feed, where `$` matches and
 * what may be escaped. So the expression is parsed and written again in the part that they share.
 */
import { invalidQuery } from './invalid-query.js';

export interface Pattern {
  /** For PostgreSQL's `~`. */
  readonly sql: string;
  /** For `RegExp`, with the flags `su`, and `i` if the case is ignored. */
  readonly javascript: string;
  readonly ignoresCase: boolean;
}

interface Part {
  readonly sql: string;
  readonly javascript: string;
  /** Whether it contains a repetition without an upper limit. */
  readonly unlimited: boolean;
  /** How many states a copy of it costs, roughly. */
  readonly size: number;
}

/** PostgreSQL's limit of `{n}`. */
const MAX_COUNT = 255;
/** PostgreSQL copies what is repeated n times. */
const MAX_SIZE = 5000;
const MAX_DEPTH = 20;
const SYNTAX = /[\^$\\.*+?()[\]{}|/]/;
const CLASS_SYNTAX = /[\^\\[\]-]/;
const SETS: Readonly<Record<string, string>> = { d: '0-9', w: 'A-Za-z0-9_', s: ' \\t\\n\\r\\f\\v' };
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v' };
/** PostgreSQL's `\y` knows letters and digits of all languages. */
const WORD = '[\\p{L}\\p{N}_]';
const BOUNDARY = `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;
const NO_BOUNDARY = `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`;

/**
 * @param source between the slashes.
 * @param start of the source in the query, in characters.
 * @throws InvalidQuery
 */
export function parsePattern(source: string, flags: string, start: number): Pattern {
  let at = 0;
  let depth = 0;
  const fail = (reason: string, from: number, to = at): never => {
    throw invalidQuery(reason, start + from, start + Math.max(to, from + 1));
  };
  const character = () => String.fromCodePoint(source.codePointAt(at) as number);

  function alternatives(): Part {
    const branches = [branch()];
    while (source[at] === '|') {
      at++;
      branches.push(branch());
    }
    return joined(branches, '|');
  }

  function branch(): Part {
    const parts: Part[] = [];
    while (at < source.length && source[at] !== '|' && source[at] !== ')') parts.push(repeated());
    return joined(parts, '');
  }

  function repeated(): Part {
    const from = at;
    const part = atom();
    const found = /^(?:[*+?]|\{(\d{1,4})(?:(,)(\d{0,4}))?\})\??/.exec(source.slice(at));
    if (!found) return part;
    const quantifier = found[0];
    if (/^(?:\^|\$|\\b|\\B)$/.test(source.slice(from, at))) fail('an anchor cannot be repeated', from, at + 1);
    at += quantifier.length;
    if (/^[*+?{]/.test(source.slice(at)) && /^(?:[*+?]|\{\d+(?:,\d*)?\})/.test(source.slice(at))) {
      fail('a repetition cannot be repeated', from, at + 1);
    }
    const least = found[1] === undefined ? 0 : Number(found[1]);
    const most = found[3] ? Number(found[3]) : least;
    if (Math.max(least, most) > MAX_COUNT) fail(`a repetition may count to ${MAX_COUNT} at most`, from);
    if (found[3] && most < least) fail('the numbers of a repetition are in the wrong order', from);
    const unlimited = /^[*+]/.test(quantifier) || (found[2] !== undefined && !found[3]);
    if (unlimited && part.unlimited) {
      fail('an unlimited repetition inside another one can take very long. Limit one of them, as in {1,20}', from);
    }
    const size = part.size * Math.max(least, most, 1);
    if (size > MAX_SIZE) fail('the regular expression is too large', from);
    return {
      sql: `${part.sql}${quantifier}`,
      javascript: `${part.javascript}${quantifier}`,
      unlimited: unlimited || part.unlimited,
      size,
    };
  }

  function atom(): Part {
    const from = at;
    const first = character();
    at += first.length;
    if (first === '(') return group(from);
    if (first === '[') return same(characterClass(from));
    if (first === '.' || first === '^' || first === '$') return same(first);
    if (first === '\\') return escapeSequence(from);
    if (first === '*' || first === '+' || first === '?') return fail('nothing to repeat', from);
    if (first === '\0') return fail('a text in PostgreSQL cannot contain NUL', from);
    return same(literal(first, SYNTAX));
  }

  function group(from: number): Part {
    if (source[at] === '?' && source[at + 1] !== ':') {
      fail('lookaround, named groups and inline flags are not supported', from, at + 2);
    }
    if (source[at] === '?') at += 2;
    if (++depth > MAX_DEPTH) fail('the groups are nested too deeply', from);
    const inner = alternatives();
    if (source[at] !== ')') fail('the group has no closing parenthesis', from, from + 1);
    at++;
    depth--;
    return { ...inner, sql: `(?:${inner.sql})`, javascript: `(?:${inner.javascript})` };
  }

  function escapeSequence(from: number): Part {
    const letter = at < source.length ? character() : fail('nothing follows the backslash', from);
    at += letter.length;
    if (letter === 'b') return { sql: '\\y', javascript: BOUNDARY, unlimited: false, size: 1 };
    if (letter === 'B') return { sql: '\\Y', javascript: NO_BOUNDARY, unlimited: false, size: 1 };
    const set = SETS[letter.toLowerCase()];
    if (set !== undefined) return same(`[${letter === letter.toLowerCase() ? '' : '^'}${set}]`);
    return same(literal(escaped(letter, from), SYNTAX));
  }

  /** The character that an escape stands for, after its first letter. */
  function escaped(letter: string, from: number): string {
    const control = CONTROLS[letter];
    if (control !== undefined) return control;
    const code =
      letter === 'x'
        ? /^[0-9a-f]{2}/i.exec(source.slice(at))
        : letter === 'u'
          ? /^[0-9a-f]{4}/i.exec(source.slice(at))
          : null;
    if (code) {
      at += code[0].length;
      const value = Number.parseInt(code[0], 16);
      if (value === 0 || (value >= 0xd800 && value < 0xe000)) fail('this character cannot be in a record', from);
      return String.fromCharCode(value);
    }
    if (/[\p{L}\p{N}]/u.test(letter)) fail(`\\${letter} is not supported`, from);
    return letter;
  }

  function characterClass(from: number): string {
    let items = '';
    const isNegated = source[at] === '^';
    if (isNegated) at++;
    while (source[at] !== ']') {
      const low = classItem(from);
      if (low.set !== undefined) items += low.set;
      else if (source[at] === '-' && source[at + 1] !== ']' && at + 1 < source.length) {
        const begin = at;
        at++;
        const high = classItem(from);
        if (high.set !== undefined || (high.character as string).codePointAt(0)! < low.character.codePointAt(0)!) {
          fail('the range of characters is in the wrong order', begin - 1);
        }
        items += `${literal(low.character, CLASS_SYNTAX)}-${literal(high.character as string, CLASS_SYNTAX)}`;
      } else items += literal(low.character, CLASS_SYNTAX);
    }
    at++;
    if (items === '') fail('the class of characters is empty', from);
    return `[${isNegated ? '^' : ''}${items}]`;
  }

  function classItem(from: number): { set: string; character?: undefined } | { set?: undefined; character: string } {
    if (at >= source.length) fail('the class of characters has no closing bracket', from, from + 1);
    const first = character();
    const begin = at;
    at += first.length;
    if (first === '\0') fail('a text in PostgreSQL cannot contain NUL', begin);
    if (first !== '\\') return { character: first };
    const letter = at < source.length ? character() : fail('nothing follows the backslash', begin);
    at += letter.length;
    if (letter in SETS) return { set: SETS[letter] as string };
    return { character: escaped(letter, begin) };
  }

  const whole = alternatives();
  if (at < source.length) fail('the parenthesis was not opened', at);
  if (whole.size > MAX_SIZE) fail('the regular expression is too large', 0, source.length);
  const { sql, javascript } = whole;
  return { sql, javascript, ignoresCase: flags.includes('i') };
}

/** A pattern as JavaScript's. */
export function regExpOf({ javascript, ignoresCase }: Pattern, more = ''): RegExp {
  return new RegExp(javascript, `su${ignoresCase ? 'i' : ''}${more}`);
}

function literal(character: string, syntax: RegExp): string {
  return syntax.test(character) ? `\\${character}` : character;
}

function same(text: string): Part {
  return { sql: text, javascript: text, unlimited: false, size: 1 };
}

function joined(parts: readonly Part[], separator: string): Part {
  return {
    sql: parts.map(({ sql }) => sql).join(separator),
    javascript: parts.map(({ javascript }) => javascript).join(separator),
    unlimited: parts.some(({ unlimited }) => unlimited),
    size: parts.reduce((sum, { size }) => sum + size, 0),
  };
}
