/**
 * A record of the wire contract, read: a line from any producer, ours, the Python package's or a stranger's, becomes the
 * row that is stored.
 *
 * Texts are taken over as they were written wherever possible. `information` above all is never parsed and written
 * again: PostgreSQL's jsonb keeps all digits of a number, JSON.parse does not.
 *
 * @module
 */

import { LEVEL_NAME_KEYS, LEVELS, type Level, parseLevel } from './level.js';
import {
  formatTimestamp,
  isCanonicalTimestamp,
  LAST_SECOND,
  type LocalTime,
  parseTimestamp,
  type Timestamp,
} from './time/timestamp.js';
import { isUuid, uuidv7Timestamp } from './uuid.js';
import { memberTexts, stringEnd } from './value/json-members.js';

/** The columns of a row, as text. */
export interface StoredRecord {
  /** A UUID in lower case. */
  readonly id: string;
  /** `2026-01-31T10:30:45.123456Z` */
  readonly timestamp: string;
  readonly service: string;
  readonly level: Level;
  readonly message: string;
  /** The text of a JSON object. */
  readonly information: string;
}

export type Decoded =
  | { readonly ok: true; readonly record: StoredRecord }
  | { readonly ok: false; readonly reason: string };

/** What is known beside the line. */
export interface DecodeContext {
  /** AMQP `timestamp` property of the message, epoch seconds. */
  readonly amqpTimestampS?: number | undefined;
  /** IANA zone of times without an offset (setting PYTHON_TIMEZONE). */
  readonly pythonTimezone?: string | undefined;
  /** Makes the id of a record that has none, of the record's own time. */
  readonly newId: (timestamp: Timestamp) => string;
}

/**
 * Reads one line. Not ok, with the reason in words, for what is no JSON object, has no `service` or no `level` (texts
 * that are not blank), or no time: neither its own, nor its UUIDv7's, nor AMQP's. Never throws.
 *
 * Everything else is kept: a level with another name leaves it in `information.level` (`loghive.level` where that is
 * taken); a message that is no string is its JSON text, a missing one is empty; information that is no object goes
 * under `value`; other fields, and an `id` or `timestamp` that cannot be read as such, go into `information` under their
 * name, or `extra.<name>` where that is taken. Nothing is cleaned here: what PostgreSQL cannot hold (NUL; a lone
 * surrogate in `information`) is for it to refuse, and then a dead letter with the bytes as they came.
 */
export function decodeRecord(line: string, context: DecodeContext): Decoded {
  const record = canonicalRecord(line);
  return record === undefined ? decodeAny(line, context) : { ok: true, record };
}

const HEAD = '{"id":"';
const ID_END = HEAD.length + 36;
const SERVICE = '","service":"';
const LEVEL = '","level":"';
const MESSAGE = '","message":"';
const INFORMATION = ',"information":{';
const TIMESTAMP = ',"timestamp":"';
const TAIL_LENGTH = TIMESTAMP.length + 27 + '"}'.length;

const LOWER_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Not blank, without anything that JSON writes as an escape. */
const PLAIN_NAME = /^(?=.*\S)[^\\\x00-\x1f]+$/;
const LEVEL_SET: ReadonlySet<string> = new Set(LEVELS);

/**
 * The record of a line exactly as `encodeRecord` writes it: cut at its known places, which saves parsing most of it and
 * writing `information` again. Undefined for any other line, valid or not.
 */
function canonicalRecord(line: string): StoredRecord | undefined {
  if (!line.startsWith(HEAD) || !line.startsWith(SERVICE, ID_END)) return undefined;
  const serviceStart = ID_END + SERVICE.length;
  const serviceEnd = line.indexOf('"', serviceStart);
  const levelStart = serviceEnd + LEVEL.length;
  const levelEnd = line.indexOf('"', levelStart);
  const messageStart = levelEnd + MESSAGE.length - 1;
  const messageEnd = line.startsWith(MESSAGE, levelEnd) ? stringEnd(line, messageStart) : -1;
  const tail = line.length - TAIL_LENGTH;
  if (messageEnd === -1 || !line.startsWith(LEVEL, serviceEnd) || !line.startsWith(INFORMATION, messageEnd + 1))
    return undefined;
  if (!line.startsWith(TIMESTAMP, tail) || !line.endsWith('"}')) return undefined;
  const id = line.slice(HEAD.length, ID_END);
  const service = line.slice(serviceStart, serviceEnd);
  const level = line.slice(levelStart, levelEnd);
  const information = line.slice(messageEnd + INFORMATION.length, tail);
  const timestamp = line.slice(tail + TIMESTAMP.length, -2);
  if (!LOWER_UUID.test(id) || !LEVEL_SET.has(level) || !isCanonicalTimestamp(timestamp)) return undefined;
  if (!PLAIN_NAME.test(service)) return undefined;
  const message = parsed(line.slice(messageStart, messageEnd + 1));
  // Parsed only to know that it is valid, and one object.
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
  const line = text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch (error) {
    return bad(`it is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(fields)) return bad(`it is JSON, but ${Array.isArray(fields) ? 'an array' : 'no object'}`);
  const { service, level, message } = fields;
  if (typeof service !== 'string' || service.trim() === '') return bad(missing('service', service));
  if (typeof level !== 'string' || level.trim() === '') return bad(missing('level', level));
  const id = isUuid(fields.id) ? fields.id.toLowerCase() : undefined;
  const idTime = id === undefined ? undefined : uuidv7Timestamp(id);
  const local = localTime(context, idTime);
  const own = typeof fields.timestamp === 'string' ? parseTimestamp(fields.timestamp, local) : undefined;
  const timestamp = own ?? idTime ?? amqpTime(context);
  if (timestamp === undefined) return bad(`it has no time: ${missing('timestamp', fields.timestamp)}`);

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

const BYTE_ORDER_MARK = 0xfeff;
const OTHER_FIELDS: ReadonlySet<string> = new Set(['service', 'level', 'message', 'information']);

function bad(reason: string): Decoded {
  return { ok: false, reason };
}

function missing(name: string, value: unknown): string {
  if (value === undefined) return `field "${name}" is missing`;
  // A list or an object may be nested deeper than it can be written again.
  const shown =
    typeof value === 'object' && value !== null ? 'a list or an object' : JSON.stringify(value).slice(0, MOST_SHOWN);
  return name === 'timestamp' ? `field "timestamp" is no time: ${shown}` : `field "${name}" is no name: ${shown}`;
}

const MOST_SHOWN = 100;

/** A record may be older than its message. Where it has an id of ours, that knows the time. */
function localTime({ amqpTimestampS, pythonTimezone }: DecodeContext, idTime: Timestamp | undefined): LocalTime {
  return { amqpTimestampS: idTime?.seconds ?? amqpTimestampS, timeZone: pythonTimezone };
}

function amqpTime({ amqpTimestampS: seconds }: DecodeContext): Timestamp | undefined {
  return seconds !== undefined && seconds > 0 && seconds <= LAST_SECOND
    ? { seconds: Math.floor(seconds), micros: 0 }
    : undefined;
}

/** The fields that have no column, `id` and `timestamp` among them where they could not be read as such. */
function extraNames(texts: ReadonlyMap<string, string>, fields: Fields, id: unknown, time: unknown): string[] {
  return [...texts.keys()].filter((name) => {
    if (name === 'id') return id === undefined && fields.id !== null;
    if (name === 'timestamp') return time === undefined && fields.timestamp !== null;
    return !OTHER_FIELDS.has(name);
  });
}

/** The JSON of `information` as it was written, further members put behind its own. */
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
