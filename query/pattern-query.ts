/**
 * Queries that find the records of a shape, so that the list of patterns leads to the records. Pure.
 *
 *   payment of order <number> failed  →  service:shop level:error /^payment of order -?[\d.,]+ failed$/
 *
 * A shape says less than the messages that have it: their spaces, or where a long one goes on. So there are several
 * queries, and a group takes the first one that finds all of its records. Other records may be found as well: `.+`
 * stands for any text.
 */
import { printableLine } from '../src/printable.js';
import type { StoredRecord } from '../src/record.js';
import { type ErrorShape, errorFieldOf, MAX_SHAPED, PLACEHOLDERS, type Placeholder, type Shape } from '../src/shape.js';
import { conjuncts } from './condition.js';
import { isInvalidQuery } from './invalid-query.js';
import { matches } from './matches.js';
import { parseQuery, type Query } from './parse.js';

export interface PatternQuery {
  /** For a command line. */
  readonly text: string;
  /** The part that describes the shape: without the query whose records were grouped. */
  readonly own: Query;
  /** Whether it says where the message ends. */
  readonly isWhole: boolean;
}

/** What a variable part of a message consists of. */
const CLASSES: Readonly<Record<Placeholder, string>> = {
  number: '-?[\\d.,]+',
  id: '[\\w-]+',
  address: '\\S+',
  time: '[-+\\d:.,TZ\\s]+',
  text: '.+',
};
const PLACEHOLDER = new RegExp(`<(${PLACEHOLDERS.join('|')})>`);
/** The expression ends before more than that: it is to be read by people, and JavaScript must not backtrack for long. */
const MAX_LITERALS = 160;
const MAX_PLACEHOLDERS = 10;
const MAX_TEXTS = 2;
/** Words of the query that has no expression. */
const MAX_WORDS = 5;
const MAX_QUERY = 10_000;

/**
 * The most precise query first. Each of the others finds at least what those before it find; the last one finds every
 * record of the level.
 *
 * @param record one with this shape.
 * @param scope the query whose records were grouped; its conditions are kept.
 */
export function queriesFor(shape: Shape, record: StoredRecord, scope: Query): readonly PatternQuery[] {
  const { service, level, information } = record;
  const place = [`service:${/^[\w.-]+$/.test(service) ? service : quoted(service)}`, `level:${level.toLowerCase()}`];
  const message = expressionOf(shape.message, MAX_TEXTS);
  const error = errorTerms(shape.error, errorFieldOf(information));
  const begin = message.source === '^' ? [] : [`/${message.source}/`];
  const anySpace = message.source.includes(' ') ? [`/${withAnySpace(message.source)}/`] : begin;
  const more = scopeText(scope);
  return [
    ...(message.isWhole ? [{ terms: [...place, `/${message.source}$/`, ...error], more, isWhole: true }] : []),
    { terms: [...place, ...begin, ...error], more, isWhole: false },
    { terms: [...place, ...anySpace, ...error], more, isWhole: false },
    { terms: [...place, ...wordsOf(shape.message)], more, isWhole: false },
    { terms: place, more, isWhole: false },
    { terms: place.slice(1), more: [], isWhole: false },
  ].flatMap(({ terms, more, isWhole }) => {
    const own = parsed(terms.join(' '));
    const text = [...terms, ...more].join(' ');
    return own === undefined || text.length > MAX_QUERY ? [] : { text, own, isWhole };
  });
}

/** Whether the query finds the record, which matches the scope. */
export function finds({ own, isWhole }: PatternQuery, record: StoredRecord): boolean {
  const { message } = record;
  if (message.length <= MAX_SHAPED) return matches(own, record);
  // The shape does not say how it goes on. The rest is not looked at: an expression may take long in a long message.
  const { id, timestamp, service, level, information } = record;
  return (
    !isWhole && matches(own, { id, timestamp, service, level, information, message: message.slice(0, MAX_SHAPED) })
  );
}

interface Expression {
  readonly source: string;
  /** Whether it describes all of the text. */
  readonly isWhole: boolean;
}

function expressionOf(shape: string, maxTexts: number): Expression {
  let source = '^';
  let left = MAX_LITERALS;
  let placeholders = 0;
  let texts = 0;
  for (const [at, part] of shape.split(PLACEHOLDER).entries()) {
    if (at % 2 === 0) {
      const literal = part.slice(0, left);
      source += literalOf(part === literal ? part : withoutHalf(literal));
      if (part !== literal) return { source, isWhole: false };
      left -= part.length;
    } else {
      placeholders += 1;
      if (part === 'text') texts += 1;
      if (placeholders > MAX_PLACEHOLDERS || texts > maxTexts) return { source, isWhole: false };
      source += CLASSES[part as Placeholder];
    }
  }
  return { source, isWhole: true };
}

/** Any character for a quote, because the command line is in single quotes. Control characters as escapes. */
function literalOf(text: string): string {
  return printableLine(text.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&')).replaceAll("'", '.');
}

/** A shape has one space where a message has line breaks or several spaces, and none at its ends. */
function withAnySpace(source: string): string {
  return source.replace(/^\^/, '^\\s*').replaceAll(' ', '\\s+');
}

/** Without the first half of a surrogate pair at its end. */
function withoutHalf(text: string): string {
  return text.replace(/[\ud800-\udbff]$/, '');
}

function errorTerms(error: ErrorShape | undefined, field: string | undefined): string[] {
  if (error === undefined || field === undefined) return [];
  const { source } = expressionOf(error.message ?? '', 1);
  return [
    `${field}.name:${/^[a-z]\w*$/i.test(error.name) ? error.name : quoted(error.name)}`,
    ...(source === '^' ? [] : [`${field}.message:/${source}/`]),
  ];
}

/** The longest words outside of the variable parts, as conditions. */
function wordsOf(shape: string): string[] {
  const words = shape
    .split(PLACEHOLDER)
    .filter((_, at) => at % 2 === 0)
    .flatMap((part) => part.split(' '))
    .filter((word) => word !== '' && printableLine(word) === word);
  const longest = [...new Set(words)].sort((one, other) => other.length - one.length).slice(0, MAX_WORDS);
  return words.filter((word, at) => longest.includes(word) && words.indexOf(word) === at).map(quoted);
}

/** What the scope demands beyond services and levels, of which the shape has one. At the end: it may begin with "-". */
function scopeText({ text, condition }: Query): string[] {
  const isSaid = conjuncts(condition).every(({ type }) => type === 'level' || type === 'service');
  if (isSaid) return [];
  return [condition.type === 'or' ? `(${text.trim()})` : text.trim()];
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Undefined if the shape does not fit into a query. */
function parsed(text: string): Query | undefined {
  try {
    return parseQuery(text);
  } catch (error) {
    if (!isInvalidQuery(error)) throw error;
    return undefined;
  }
}
