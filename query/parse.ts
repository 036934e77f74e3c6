/**
 * The query language: text → conditions. Pure.
 *
 * ```text
 * query  = and { "or" and }
 * and    = { [ "and" ] unary }                    nothing at all means every record
 * unary  = ( "-" | "not" ) unary | "(" query ")" | term
 * term   = "*" | word | "phrase" | /regex/        in the message
 *        | field ":" ( value { "," value } | comparison value | /regex/ | "*" )
 *        | field ( "=" | "!=" | comparison ) value
 * field  = name { "." name }                      a name with other characters in quotes
 * value  = word | "text"                          7 is a number or a text, "7" a text
 * ```
 *
 * Neither liqe nor search-query-parser from npm knows `level>=warning` and `service:shop,till`. The first one's parser
 * takes exponential time for hostile texts, the second one reports no errors.
 */
import { isLevelName, LEVELS, type Level, parseLevel, severity } from '../src/level.js';
import { cleanText } from '../src/value/safe-text.js';
import type { Comparison, Condition, FieldPath, FieldTest, QueryValue } from './condition.js';
import { invalidQuery } from './invalid-query.js';
import { type Pattern, parsePattern } from './pattern.js';

export interface Query {
  readonly text: string;
  readonly condition: Condition;
}

export interface ParseOptions {
  /** Fields that `id:` and `trace:` look at, besides `id` and `trace`. Default: `TRACE_FIELDS`. See `traceFieldsOf`. */
  readonly traceFields?: readonly string[];
}

/** Usual names of the id of a request or a trace. */
export const TRACE_FIELDS = ['requestId', 'reqId', 'request_id', 'req.id', 'trace_id', 'traceId'] as const;

const MAX_CHARACTERS = 10_000;
const MAX_DEPTH = 50;
const MAX_TERMS = 500;

/** What ends a word. Quotes inside a word are part of it: `it's`. */
export const WORD_END = /[\s()]/;
export const VALUE_END = /[\s(),]/;
export const NAME = /[^\s()"',:<>=!/\\.]+/y;
export const OPERATOR = /:(?:[<>]=?)?|[<>]=?|!?=/y;
const NUMBER = /^-?(?:0|[1-9]\d{0,500})(?:\.\d{1,500})?(?:[eE][+-]?\d{1,3})?$/;
const KEYWORD = /^(?:true|false|null)$/;

/** @throws InvalidQuery */
export function parseQuery(text: string, { traceFields = TRACE_FIELDS }: ParseOptions = {}): Query {
  let at = 0;
  let depth = 0;
  let terms = 0;
  if (text.length > MAX_CHARACTERS) {
    throw invalidQuery(`a query may have ${MAX_CHARACTERS} characters at most`, MAX_CHARACTERS, text.length);
  }

  const fail = (reason: string, start: number, end = at): never => {
    throw invalidQuery(reason, start, end);
  };
  const skipSpace = () => {
    while (at < text.length && /\s/.test(text[at]!)) at++;
  };
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  const takeUntil = (end: RegExp): string => {
    const start = at;
    while (at < text.length && !end.test(text[at]!)) at++;
    return text.slice(start, at);
  };
  /** Skips the word, if it stands here without quotes. */
  const skipWord = (word: string): boolean => {
    const next = text.slice(at, at + word.length + 1);
    if (next.slice(0, word.length).toLowerCase() !== word || !/^(?:[\s()]|$)/.test(next.slice(word.length)))
      return false;
    at += word.length;
    return true;
  };

  function either(): Condition {
    const conditions = [all()];
    for (skipSpace(); ; skipSpace()) {
      const start = at;
      if (!skipWord('or')) return conditions.length === 1 ? conditions[0]! : { type: 'or', conditions };
      if (conditions.at(-1)!.type === 'everything')
        fail('nothing stands before "or". Put the word in quotes to search for it', start);
      conditions.push(all());
      if (conditions.at(-1)!.type === 'everything')
        fail('nothing follows "or". Put the word in quotes to search for it', start, start + 2);
    }
  }

  function all(): Condition {
    const conditions: Condition[] = [];
    for (skipSpace(); at < text.length && text[at] !== ')'; skipSpace()) {
      const start = at;
      if (skipWord('or')) {
        at = start;
        break;
      }
      if (skipWord('and')) {
        skipSpace();
        if (conditions.length === 0 || at === text.length || text[at] === ')') {
          fail('"and" stands between two conditions. Put the word in quotes to search for it', start, start + 3);
        }
      }
      conditions.push(unary());
    }
    if (conditions.length === 0) return { type: 'everything' };
    return conditions.length === 1 ? conditions[0]! : { type: 'and', conditions };
  }

  function unary(): Condition {
    const start = at;
    if (text[at] === '-' || skipWord('not')) {
      if (text[at] === '-') at++;
      skipSpace();
      if (at === text.length || text[at] === ')') fail('a condition must follow', start);
      return { type: 'not', condition: nested(unary, start) };
    }
    if (text[at] !== '(') return term();
    at++;
    skipSpace();
    if (text[at] === ')') fail('the parentheses are empty. Put them in quotes to search for them', start, at + 1);
    const condition = nested(either, start);
    if (text[at] !== ')') fail('the parenthesis is not closed', start, start + 1);
    at++;
    return condition;
  }

  function nested(parse: () => Condition, start: number): Condition {
    if (++depth > MAX_DEPTH) fail(`conditions may be nested ${MAX_DEPTH} deep at most`, start);
    const condition = parse();
    depth--;
    return condition;
  }

  function term(): Condition {
    const start = at;
    if (++terms > MAX_TERMS) fail(`a query may have ${MAX_TERMS} conditions at most`, start, text.length);
    if (text[at] === '/') return { type: 'pattern', column: 'message', pattern: regex() };
    const names = fieldNames();
    const operator = names === undefined ? '' : take(OPERATOR);
    if (names !== undefined && operator !== '')
      return onField(names, text.slice(start, at - operator.length), operator, start);
    at = start;
    const quoted = text[at] === '"';
    const words = quoted ? quotedText() : takeUntil(WORD_END);
    if (!quoted && words === '*') return { type: 'everything' };
    if (words === '') fail('a text to search for is empty', start, at);
    return { type: 'text', text: cleanText(words) };
  }

  /** The names before an operator; undefined if no name stands here. */
  function fieldNames(): string[] | undefined {
    const names: string[] = [];
    for (;;) {
      const name = text[at] === '"' && text.indexOf('"', at + 1) !== -1 ? quotedText() : take(NAME);
      if (name === '') return undefined;
      names.push(name);
      if (text[at] !== '.') return names;
      at++;
    }
  }

  function quotedText(): string {
    const start = at;
    let value = '';
    for (at++; text[at] !== '"'; at++) {
      if (at >= text.length) fail('the quote is not closed', start, start + 1);
      // Only quotes and backslashes need escaping; C:\temp does not.
      if (text[at] === '\\' && /["\\]/.test(text[at + 1] ?? '')) at++;
      value += text[at];
    }
    at++;
    return value;
  }

  function regex(): Pattern {
    const start = at;
    for (at++; text[at] !== '/'; at++) {
      if (at >= text.length)
        fail('the regular expression has no closing slash. Put a text with slashes in quotes', start, start + 1);
      if (text[at] === '\\') at++;
    }
    const source = text.slice(start + 1, at);
    at++;
    const flags = take(/[a-z]*/y);
    if (source === '') fail('the regular expression is empty. Put a text with slashes in quotes', start, start + 2);
    if (flags !== '' && flags !== 'i') fail('the only flag of a regular expression is i', at - flags.length);
    return parsePattern(source, flags, start + 1);
  }

  function value(): QueryValue {
    const start = at;
    if (text[at] === '"') return { text: cleanText(quotedText()) };
    const word = cleanText(takeUntil(VALUE_END));
    if (word === '') {
      fail('a value must follow. Put it in quotes if it is empty or contains spaces, commas or parentheses', start);
    }
    return NUMBER.test(word) || KEYWORD.test(word) ? { text: word, json: word } : { text: word };
  }

  function values(): QueryValue[] {
    const list = [value()];
    while (text[at] === ',') {
      at++;
      list.push(value());
    }
    terms += list.length;
    return list;
  }

  /** @param written the field's name, as written. */
  function onField(names: string[], written: string, operator: string, start: number): Condition {
    if (operator === '!=') return { type: 'not', condition: onField(names, written, '=', start) };
    const operatorAt = at - operator.length;
    const compared = operator.replace(/^[:=]/, '') as Comparison | '';
    const own = names.length === 1 ? written : '';
    if (own === 'level') return { type: 'level', levels: levels(compared) };
    if (compared !== '' && (own === 'service' || own === 'message' || own === 'exists'))
      fail(`"${own}" can only be compared with ":"`, operatorAt, at);
    if (own === 'exists') return onPath(pathsOf(existing()), { type: 'exists' });
    const paths =
      own === 'id' || own === 'trace'
        ? [...traceFields, own].flatMap((name) => pathsOf(name.split('.')))
        : pathsOf(withoutPrefix(names, written));
    if (compared !== '') return onPath(paths, { type: 'compares', comparison: compared, value: value() });
    if (text[at] === '/') {
      const pattern = regex();
      if (own === 'service' || own === 'message') return { type: 'pattern', column: own, pattern };
      return onPath(paths, { type: 'matches', pattern });
    }
    if (text[at] === '*' && /^(?:[\s()]|$)/.test(text.slice(at + 1, at + 2))) {
      at++;
      return own === 'service' || own === 'message' ? { type: 'everything' } : onPath(paths, { type: 'exists' });
    }
    const list = values();
    if (own === 'service') return { type: 'service', services: list.map((each) => each.text) };
    if (own !== 'message') return onPath(paths, { type: 'equals', values: list });
    const conditions = list.map((each): Condition => ({ type: 'text', text: each.text }));
    return conditions.length === 1 ? conditions[0]! : { type: 'or', conditions };
  }

  function existing(): readonly string[] {
    const start = at;
    const names = fieldNames();
    if (names === undefined) return fail('the name of a field must follow', start);
    return withoutPrefix(names, text.slice(start, at));
  }

  function levels(compared: Comparison | ''): Level[] {
    const found = new Set<Level>();
    do {
      if (text[at] === ',') at++;
      const start = at;
      const name = value().text;
      if (!isLevelName(name))
        fail(`"${name}" is not a level. The levels are ${LEVELS.join(', ').toLowerCase()}`, start);
      const limit = severity(parseLevel(name).level);
      for (const level of LEVELS) if (isIncluded(severity(level) - limit, compared)) found.add(level);
    } while (compared === '' && text[at] === ',');
    return LEVELS.filter((level) => found.has(level));
  }

  const condition = either();
  if (at < text.length) fail('the parenthesis was not opened. Put it in quotes to search for it', at, at + 1);
  return { text, condition };
}

function isIncluded(difference: number, compared: Comparison | ''): boolean {
  if (difference === 0) return compared.length !== 1;
  return compared.startsWith(difference > 0 ? '>' : '<');
}

function onPath(paths: readonly FieldPath[], test: FieldTest): Condition {
  return { type: 'field', paths, test };
}

/** `information.level` without quotes is the field `level`. */
function withoutPrefix(names: readonly string[], written: string): readonly string[] {
  return names.length > 1 && written.startsWith('information.') ? names.slice(1) : names;
}

/** Names with dots are nested, or one name that contains dots (`http.status_code`). */
function pathsOf(names: readonly string[]): FieldPath[] {
  const clean = names.map(cleanText);
  return clean.length === 1 ? [clean] : [clean, [clean.join('.')]];
}
