/**
 * Decodes a record from the wire: a line from any producer, ours, the Python package's or another, becomes the row to
 * be stored.
 *
 * Texts are stored as written if possible. In particular, `information` is never parsed and serialized again:
 * PostgreSQL's jsonb keeps all digits of a number, JSON.parse does not.
 *
 * @module
 */

import {
  HEAD,
  ID_LENGTH,
  INFORMATION,
  LEVEL,
  MESSAGE,
  SERVICE,
  TAIL,
  TIMESTAMP,
  TIMESTAMP_LENGTH,
} from './canonical-form.js';
import { LEVEL_NAME_KEYS, LEVELS, type Level, parseLevel } from './level.js';
import { epochMicros } from './time/epoch.js';
import type { LocalOffsets } from './time/local-offset.js';
import { zoneSeconds } from './time/time-zone.js';
import {
  formatTimestamp,
  isCanonicalTimestamp,
  parseTimestamp,
  type Timestamp,
  timestampFromMicros,
} from './time/timestamp.js';
import { isUuid, uuidv7Timestamp } from './uuid.js';
import { memberTexts, stringEnd } from './value/json-members.js';
import { quoteNonFinite } from './value/non-finite.js';
import { cleanJson, mayHaveUnsafeEscapes } from './value/safe-text.js';

/** The columns of a row, as text. */
export interface StoredRecord {
  /** A UUID in lower case. */
  readonly id: string;
  /** `2026-01-31T10:30:45.123456Z` */
  readonly timestamp: string;
  readonly service: string;
  readonly level: Level;
  readonly message: string;
  /** A JSON object, as text. */
  readonly information: string;
}

export type Decoded =
  | { readonly ok: true; readonly record: StoredRecord }
  | { readonly ok: false; readonly reason: string };

/** Information besides the line itself. */
export interface DecodeContext {
  /**
   * AMQP `timestamp` property of the message: epoch seconds according to the standard, but some publishers use ms, µs
   * or ns.
   */
  readonly amqpTimestamp?: number | undefined;
  /** IANA time zone of times without an offset (setting PYTHON_TIMEZONE). */
  readonly pythonTimezone?: string | undefined;
  /** Infers the offset if `pythonTimezone` is not set. */
  readonly localOffsets: LocalOffsets;
  /** Creates the id for a record without one, from the record's time. */
  readonly newId: (timestamp: Timestamp) => string;
}

/**
 * Decodes one line. Fails with a reason if it is not a JSON object, has no `service` or no `level` (non-blank strings),
 * or has no time: neither its own, nor its UUIDv7's, nor AMQP's. Never throws.
 *
 * Everything else is kept. A different level name is stored as `information.level` (`loghive.level` if that is taken).
 * A message that is not a string becomes its JSON text, a missing one is empty. Information that is not an object is
 * stored under `value`. Other fields, and an invalid `id` or `timestamp`, are stored in `information` under their name,
 * or `extra.<name>` if that is taken. NaN, Infinity and -Infinity become strings, NUL and lone surrogates become U+2400
 * and U+FFFD, as our own producers write them. Other values that PostgreSQL cannot store (a number with a million
 * digits) are left for it to reject, after which the record becomes a dead letter with its original bytes.
 */
export function decodeRecord(line: string, context: DecodeContext): Decoded {
  const clean = mayHaveUnsafeEscapes(line) ? cleanJson(line) : line;
  const record = parseCanonicalLine(clean);
  return record === undefined ? decodeAny(clean, context) : { ok: true, record };
}

const ID_END = HEAD.length + ID_LENGTH;
const TAIL_LENGTH = TIMESTAMP.length + TIMESTAMP_LENGTH + TAIL.length;

const LOWER_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Maximum length of a service or level name, in characters. */
const MAX_NAME = 1000;
/** Not blank, and without characters that JSON escapes. */
const PLAIN_NAME = /^(?=.*\S)[^\\\x00-\x1f]+$/;
/** An escape, or a character that is not allowed in a JSON string. */
const NEEDS_PARSING = /[\\\x00-\x1f]/;
const LEVEL_SET: ReadonlySet<string> = new Set(LEVELS);

/**
 * Splits a line exactly as `encodeRecord` writes it at its known positions, which avoids parsing most of it and
 * serializing `information` again. Undefined for any other line, valid or not.
 */
function parseCanonicalLine(line: string): StoredRecord | undefined {
  if (!line.startsWith(HEAD) || !line.startsWith(SERVICE, ID_END)) return undefined;
  const serviceStart = ID_END + SERVICE.length;
  const serviceEnd = line.indexOf('"', serviceStart);
  const levelStart = serviceEnd + LEVEL.length;
  const levelEnd = line.indexOf('"', levelStart);
  const messageStart = levelEnd + MESSAGE.length - 1;
  const messageEnd = line.startsWith(MESSAGE, levelEnd) ? stringEnd(line, messageStart) : -1;
  const informationStart = messageEnd + 1 + INFORMATION.length;
  const tail = line.length - TAIL_LENGTH;
  if (messageEnd === -1 || !line.startsWith(LEVEL, serviceEnd) || !line.startsWith(INFORMATION, messageEnd + 1))
    return undefined;
  if (line[informationStart] !== '{' || !line.startsWith(TIMESTAMP, tail) || !line.endsWith(TAIL)) return undefined;
  const id = line.slice(HEAD.length, ID_END);
  const service = line.slice(serviceStart, serviceEnd);
  const level = line.slice(levelStart, levelEnd);
  const information = line.slice(informationStart, tail);
  const timestamp = line.slice(tail + TIMESTAMP.length, -TAIL.length);
  if (!LOWER_UUID.test(id) || !LEVEL_SET.has(level) || !isCanonicalTimestamp(timestamp)) return undefined;
  if (service.length > MAX_NAME || !PLAIN_NAME.test(service)) return undefined;
  const written = line.slice(messageStart + 1, messageEnd);
  // A slice of the line takes no additional memory.
  const message = NEEDS_PARSING.test(written) ? parsed(`"${written}"`) : written;
  // Parsed only to check that it is valid.
  if (typeof message !== 'string' || parsed(information) === undefined) return undefined;
  return { id, timestamp, service, level: level as Level, message, information };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function decodeAny(text: string, context: DecodeContext): Decoded {
  let line = text;
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch (error) {
    line = quoteNonFinite(text);
    fields = line === text ? undefined : parsed(line);
    if (fields === undefined) return invalid(`it is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(fields)) return invalid(`it is JSON, but ${Array.isArray(fields) ? 'an array' : 'not an object'}`);
  const { service, level, message } = fields;
  if (!isName(service)) return invalid(missing('service', service));
  if (!isName(level)) return invalid(missing('level', level));
  const id = isUuid(fields.id) ? fields.id.toLowerCase() : undefined;
  const idTime = id === undefined ? undefined : uuidv7Timestamp(id);
  const sent = amqpTime(context);
  // A record may be older than its message. A UUIDv7 as its id contains the exact time.
  const sentS = (idTime ?? sent)?.seconds;
  const toUtc = (civilS: number) => localToUtc(service, civilS, sentS, id !== undefined, context);
  const own = typeof fields.timestamp === 'string' ? parseTimestamp(fields.timestamp, toUtc) : undefined;
  const timestamp = own ?? idTime ?? sent;
  if (timestamp === undefined) {
    const why = missing('timestamp', fields.timestamp);
    return invalid(`it has no time: ${why}. Publish a "timestamp" (ISO 8601), an AMQP timestamp or a UUIDv7 as "id"`);
  }

  const texts = memberTexts(line);
  const found = parseLevel(level);
  const record: StoredRecord = {
    id: id ?? context.newId(timestamp),
    timestamp: formatTimestamp(timestamp),
    service,
    level: found.level,
    message: typeof message === 'string' ? message : (texts.get('message') ?? ''),
    information: informationText(fields, texts, found.name, extraNames(texts, fields, id, own)),
  };
  return { ok: true, record };
}

const OTHER_FIELDS: ReadonlySet<string> = new Set(['service', 'level', 'message', 'information']);

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_NAME && value.trim() !== '';
}

function invalid(reason: string): Decoded {
  return { ok: false, reason };
}

function missing(name: string, value: unknown): string {
  if (value === undefined) return `field "${name}" is missing`;
  return `field "${name}" is not a ${name === 'timestamp' ? 'time' : 'name'}: ${shown(value)}`;
}

const MAX_SHOWN = 100;

function shown(value: unknown): string {
  // It may be nested too deep to be serialized.
  if (typeof value === 'object' && value !== null) return 'an array or an object';
  if (typeof value !== 'string') return String(value);
  const start = JSON.stringify(value.slice(0, MAX_SHOWN));
  return value.length > MAX_SHOWN ? `${start} and ${value.length - MAX_SHOWN} more characters` : start;
}

/** @param hasId the record is identified by its id and time, which must therefore not depend on other records. */
function localToUtc(
  service: string,
  civilS: number,
  sentS: number | undefined,
  hasId: boolean,
  { pythonTimezone, localOffsets }: DecodeContext,
): number {
  const seconds = pythonTimezone === undefined ? undefined : zoneSeconds(civilS, pythonTimezone, sentS);
  return seconds ?? (sentS === undefined ? civilS : localOffsets.toUtc(service, civilS, sentS, hasId));
}

function amqpTime({ amqpTimestamp }: DecodeContext): Timestamp | undefined {
  const micros = amqpTimestamp === undefined ? Number.NaN : epochMicros(amqpTimestamp);
  return micros > 0 && micros <= Number.MAX_SAFE_INTEGER ? timestampFromMicros(micros) : undefined;
}

/** The fields without a column, including an invalid `id` or `timestamp`. */
function extraNames(texts: ReadonlyMap<string, string>, fields: Fields, id: unknown, time: unknown): string[] {
  return [...texts.keys()].filter((name) => {
    if (name === 'id') return id === undefined && fields.id !== null;
    if (name === 'timestamp') return time === undefined && fields.timestamp !== null;
    return !OTHER_FIELDS.has(name);
  });
}

/** The JSON of `information` as it was written, with further members appended. */
function informationText(
  fields: Fields,
  texts: ReadonlyMap<string, string>,
  levelName: string | undefined,
  extras: readonly string[],
): string {
  const text = texts.get('information') ?? 'null';
  const { information = null } = fields;
  const json = isObject(information) ? text : information === null ? '{}' : `{"value":${text}}`;
  if (levelName === undefined && extras.length === 0) return json;

  const taken = new Set(isObject(information) ? Object.keys(information) : information === null ? [] : ['value']);
  const members: string[] = [];
  const add = (key: string, value: string): void => {
    taken.add(key);
    members.push(`${JSON.stringify(key)}:${value}`);
  };
  const levelKey = LEVEL_NAME_KEYS.find((name) => !taken.has(name));
  if (levelName !== undefined && levelKey !== undefined) add(levelKey, JSON.stringify(levelName));
  for (const name of extras) {
    let key = name;
    while (taken.has(key)) key = `extra.${key}`;
    add(key, texts.get(name) as string);
  }
  const before = json.slice(0, -1).trimEnd();
  return `${before}${before.endsWith('{') ? '' : ','}${members.join(',')}}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
