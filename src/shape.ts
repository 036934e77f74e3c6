/**
 * Computes the shape of a record: its text without the variable parts. Errors with the same shape are the same error,
 * for alerts and for `loghive patterns`. Numbers, ids, addresses, times and quoted values are replaced. Pure.
 *
 *   payment of order 4711 failed for "Ann" at 10.0.0.7:443  →  payment of order <number> failed for <text> at <address>
 */
import { createHash } from 'node:crypto';
import { memberTexts } from './value/json-members.js';

export interface Shape {
  /** 16 hexadecimal digits. */
  readonly hash: string;
  /** Readable, on one line. */
  readonly title: string;
  /** The message without its variable parts. */
  readonly message: string;
  /** What the error adds to the message; undefined if there is no error, or if the message says it all. */
  readonly error: ErrorShape | undefined;
}

export interface ErrorShape {
  readonly name: string;
  /** The error's message without its variable parts; undefined if the message of the record contains it. */
  readonly message: string | undefined;
}

/** Name and message of the error of a record. */
export interface ErrorWords {
  readonly name: string;
  readonly message: string;
}

/** In UTF-16 units. The rest of a message does not affect the shape. */
export const MAX_SHAPED = 1000;
const MAX_TITLE = 500;
const MAX_CACHED = 1000;

/** What stands for a variable part. */
export const PLACEHOLDERS = ['number', 'id', 'address', 'time', 'text'] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** In order of precedence at each position. */
const PARTS = [
  // A URL keeps its scheme: `https://<address>`.
  '(?<scheme>\\b[a-z][a-z0-9+.-]{0,20}:\\/\\/)[^\\s"\'`<>]+',
  '(?<mail>[\\w.+-]{1,64}@[\\w-]{1,64}(?:\\.[\\w-]{1,64})+)',
  '(?<uuid>\\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\b)',
  '(?<time>\\b\\d{4}-\\d\\d-\\d\\d(?:[T ]\\d\\d:\\d\\d(?::\\d\\d(?:[.,]\\d+)?)?(?:Z|[+-]\\d\\d:?\\d\\d)?)?(?!\\w)|\\b\\d\\d?:\\d\\d:\\d\\d(?:[.,]\\d+)?(?![\\w:]))',
  '(?<ip4>\\b\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}(?::\\d{1,5})?\\b)',
  '(?<ip6>(?<![\\w:])\\[?(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}\\]?(?::\\d{1,5})?(?![\\w:]))',
  '(?<quoted>"(?:[^"\\\\]|\\\\.)*"|(?<!\\w)\'(?:[^\'\\\\]|\\\\.)*\'(?!\\w)|`[^`]*`)',
  '(?<number>(?<!\\w)-?\\d+(?:[.,]\\d+)*(?!\\w))',
  '(?<word>(?<!\\w)[a-z_]*\\d\\w*)',
].join('|');
const PART = new RegExp(PARTS, 'gi');

/** Words whose number is part of their name. */
const NAME_WITH_NUMBER = /^(?:utf|sha|md|base|https?|ipv|oauth|tls|ec|es|v|s|h|x|k)\d{1,3}$/i;
/** A digit among letters, or many digits at the end. */
const IS_ID = /\d[a-z_]|[a-z_]\d{4}/i;

const cache = new Map<string, Shape>();

export function shapeOf(message: string, error?: ErrorWords): Shape {
  const words = masked(message);
  const errorWords = error === undefined ? undefined : { name: error.name, message: masked(error.message) };
  const key = errorWords === undefined ? words : `${words}\0${errorWords.name}\0${errorWords.message}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  // Computed from the cache key, so that the result does not depend on which error came first.
  const shape = newShape(words, errorWords);
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(key, shape);
  return shape;
}

const LONE_NUMBER = /(?<!\w)\d+(?!\w)/g;
const ZEROS = Array.from({ length: 20 }, (_, length) => '0'.repeat(length));

/**
 * The start of a text with the digits of its numbers replaced by zeros: most errors differ in nothing else and hit the
 * cache.
 */
function masked(text: string): string {
  return text.slice(0, MAX_SHAPED).replace(LONE_NUMBER, (digits) => ZEROS[digits.length] ?? '0'.repeat(digits.length));
}

function newShape(words: string, errorWords: ErrorWords | undefined): Shape {
  const message = generalize(words);
  const error = errorWords && errorShape(words, errorWords);
  const text = [message, ...(error === undefined ? [] : [errorText(error)])].filter((part) => part !== '').join(' | ');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return { hash, title: text.slice(0, MAX_TITLE), message, error };
}

/** What the error adds to the message, which usually contains its text already. */
function errorShape(words: string, { name, message }: ErrorWords): ErrorShape | undefined {
  if (message !== '' && !words.includes(message)) return { name, message: generalize(message) };
  return words.includes(name) ? undefined : { name, message: undefined };
}

function errorText({ name, message }: ErrorShape): string {
  return message === undefined ? name : `${name}: ${message}`;
}

function generalize(text: string): string {
  return text.replace(PART, replacement).replace(/\s+/g, ' ').trim();
}

function replacement(whole: string, ...rest: unknown[]): string {
  const found = rest.at(-1) as Record<string, string | undefined>;
  if (found.scheme !== undefined) return `${found.scheme}${written('address')}`;
  if (found.quoted !== undefined) return written('text');
  if (found.uuid !== undefined) return written('id');
  if (found.time !== undefined) return written('time');
  if (found.number !== undefined) return written('number');
  if (found.word === undefined) return written('address');
  if (NAME_WITH_NUMBER.test(whole)) return whole;
  // 12ms, 3rd: a number with a unit.
  const unit = /^\d+([a-z]{1,3})$/i.exec(whole)?.[1];
  if (unit !== undefined && !/^[0-9a-f]+$/i.test(whole)) return `${written('number')}${unit}`;
  return IS_ID.test(whole) ? written('id') : whole.replace(/\d+$/, written('number'));
}

function written(placeholder: Placeholder): string {
  return `<${placeholder}>`;
}

/** For larger information only the message is used. */
const MAX_INFORMATION_LENGTH = 256 * 1024;
const NAMES = ['error', 'err'] as const;

/** @param information JSON object, as sent or as PostgreSQL prints jsonb: the result is the same. */
export function errorWordsOf(information: string): ErrorWords | undefined {
  const words = errorMember(information)?.words;
  const [name, message] = [textIn(words?.get('name')), textIn(words?.get('message'))];
  return name === undefined && message === undefined ? undefined : { name: name ?? 'Error', message: message ?? '' };
}

/** The field that `errorWordsOf` reads; undefined if there is none. */
export function errorFieldOf(information: string): (typeof NAMES)[number] | undefined {
  return errorMember(information)?.name;
}

function errorMember(information: string) {
  if (!information.includes('"err') || information.length > MAX_INFORMATION_LENGTH) return undefined;
  // Extracts the members without parsing the rest.
  const members = memberTexts(information);
  const name = NAMES.find((each) => members.get(each)?.startsWith('{'));
  return name && { name, words: memberTexts(members.get(name)!) };
}

function textIn(json: string | undefined): string | undefined {
  return json?.startsWith('"') ? (JSON.parse(json) as string) : undefined;
}

/** The error of a record, under the names used by the integrations of Loghive and by Pino. */
export function errorIn(information: Record<string, unknown>): Record<string, unknown> | undefined {
  return NAMES.map((name) => information[name]).find(
    (value): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value),
  );
}
