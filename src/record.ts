/**
 * Encodes a record for the wire: one line of JSON.
 *
 * @module
 */

import type { Member } from './fields/member.js';
import type { Redact } from './fields/redact.js';
import { LEVEL_NAME_KEYS, type Level } from './level.js';
import { safeCopy, safeValue } from './safe-value.js';
import { formatTimestamp, timestampFromMicros } from './time/timestamp.js';
import { cutToFit } from './value/cut.js';
import { isErrorSafely } from './value/error-value.js';
import { readSafely } from './value/foreign-object.js';
import { type Json, type JsonObject, setField } from './value/json-value.js';
import { hasField as hasOwnField, Omitting } from './value/omitting.js';
import { nameJson, plainJson, plainMembers, plainText } from './value/plain-json.js';
import { RawJson } from './value/raw-json.js';
import { cleanText, mayHaveUnsafeEscapes } from './value/safe-text.js';

export { CanonicalRecord, canonicalRecord, ID_BYTES, TIMESTAMP_BYTES } from './canonical-line.js';
export type { DecodeContext, Decoded, StoredRecord } from './stored-record.js';
export { decodeRecord } from './stored-record.js';

/** A logged record. `service` and `level` are already validated. */
export interface RecordInput {
  readonly service: string;
  readonly level: Level;
  /** The logger's level name, if it is not one of the five: stored as `information.level`. */
  readonly levelName?: string | undefined;
  readonly message: unknown;
  /** Any value. The text of a `RawJson` is used unchanged, an `Omitting` is copied only if it is not plain. */
  readonly information?: unknown;
  /** Additional fields for `information`. Existing fields of the same name take precedence. */
  readonly more?: readonly Member[];
  /** Redacts secrets. */
  readonly redact?: Redact | undefined;
}

/** Id and time, assigned when the record is created. */
export interface Stamp {
  /** A UUIDv7 of the same time. */
  readonly id: string;
  /** Epoch microseconds, an integer. */
  readonly epochMicros: number;
}

/** Size of `{"message":`, `,"information":` and `}`, in bytes. */
const WRAPPER_BYTES = 27;

/**
 * Encodes the record as one line of JSON, without a line break, of at most `maxRecordBytes` bytes of UTF-8 (1024 or
 * more; `service` counts and is never cut). Never changes its input, and throws only if the caller's stack is
 * exhausted.
 *
 * A message that is not a string is converted: an Error to its message, undefined to an empty string, anything else to
 * its JSON. Information that is not an object is stored under `value`; null and undefined become `{}`. Values that JSON
 * or PostgreSQL cannot represent are replaced and marked (see `safeCopy`); values that are too long are cut and marked
 * (see `cutToFit`). The original level name and the `more` fields are appended to the information.
 */
export function encodeRecord(input: RecordInput, stamp: Stamp, maxRecordBytes: number): string {
  return plainLine(input, stamp, maxRecordBytes) ?? safeLine(input, stamp, maxRecordBytes);
}

/** The line, if the record is plain, which is the usual case. */
function plainLine(input: RecordInput, stamp: Stamp, maxRecordBytes: number): string | undefined {
  if (typeof input.message !== 'string' || input.message.length > maxRecordBytes) return undefined;
  try {
    const message = plainText(input.message);
    if (message === undefined) return undefined;
    const information = plainInformation(input, maxRecordBytes - message.length);
    if (information === undefined) return undefined;
    const line = recordLine(input, stamp, message, information);
    if (!fits(line, maxRecordBytes)) return undefined;
    if (!input.redact?.concerns(line)) return line;
    const redacted = redactedLine(input, input.redact, stamp, information);
    return fits(redacted, maxRecordBytes) ? redacted : undefined;
  } catch {
    return undefined; // a proxy, or an accessor that threw
  }
}

function redactedLine(input: RecordInput, redact: Redact, stamp: Stamp, information: string): string {
  const fields = redact.fields(JSON.parse(information) as JsonObject);
  return recordLine(input, stamp, JSON.stringify(redact.text(input.message as string)), JSON.stringify(fields));
}

const NO_FIELDS = {};
const NO_MEMBERS: readonly Member[] = [];

function plainInformation(input: RecordInput, room: number): string | undefined {
  const { information, levelName, more = NO_MEMBERS } = input;
  const fields = information ?? NO_FIELDS;
  const members = membersJson(fields, room);
  if (members === undefined) return undefined;
  const added = plainAddition(fields, levelName, more, room - members.length);
  if (added === undefined) return undefined;
  // Added as text, because copying the object to add a few fields would cost as much as everything else.
  return members === '' ? `{${added.slice(1)}}` : `{${members}${added}}`;
}

/** Without the braces. */
function membersJson(fields: object, room: number): string | undefined {
  if (fields === NO_FIELDS) return '';
  if (RawJson.is(fields)) return mayHaveUnsafeEscapes(fields.json) ? undefined : fields.json.slice(1, -1);
  if (Omitting.is(fields)) return fields.plainMembers(room);
  return typeof fields === 'object' ? plainMembers(fields, room) : undefined;
}

/** The additional fields, each with a leading comma. Undefined if one of them is not plain. */
function plainAddition(
  fields: object,
  levelName: string | undefined,
  more: readonly Member[],
  room: number,
): string | undefined {
  const levelKey = levelName === undefined ? undefined : levelNameKey(fields);
  const levelText = levelName === undefined ? '' : plainText(levelName);
  if (levelText === undefined) return undefined;
  let added = levelKey === undefined ? '' : `,"${levelKey}":${levelText}`;
  for (const { name, value, json } of more) {
    if (name === levelKey || hasField(fields, name)) continue;
    const text = json ?? plainValue(value, room);
    const key = nameJson(name);
    if (text === undefined || key === undefined) return undefined;
    if (text !== '') added += `,${key}${text}`;
  }
  return added;
}

function hasField(fields: object, name: string): boolean {
  return RawJson.is(fields) || Omitting.is(fields) ? fields.has(name) : hasOwnField(fields, name);
}

/** A single value. An empty string if JSON omits it, undefined if it is not plain. */
function plainValue(value: unknown, room: number): string | undefined {
  return value === undefined ? '' : plainJson([value], room)?.slice(1, -1);
}

function safeLine(input: RecordInput, stamp: Stamp, maxRecordBytes: number): string {
  const { more = NO_MEMBERS, redact } = input;
  const parts = {
    message: messageText(input.message, maxRecordBytes),
    information: informationOf(input),
    more: Object.fromEntries(more.map(({ name, value }) => [name, value])),
  };
  const copy = safeCopy(parts, maxRecordBytes);
  const copied: JsonObject = isObject(copy.value) ? copy.value : { message: '', information: copy.value ?? {} };
  const fields = assembleInformation(input, copied);
  const { message = '' } = copied;
  const root = {
    message: redact && typeof message === 'string' ? redact.text(message) : message,
    information: redact ? redact.fields(fields) : fields,
  };
  const lineOf = () => recordLine(input, stamp, JSON.stringify(root.message), JSON.stringify(root.information));
  const line = copy.overflows ? undefined : lineOf();
  if (line !== undefined && fits(line, maxRecordBytes)) return line;
  const fixedBytes = Buffer.byteLength(recordLine(input, stamp, '', ''));
  cutToFit(root, maxRecordBytes - fixedBytes + WRAPPER_BYTES);
  return lineOf();
}

function informationOf({ information }: RecordInput): unknown {
  if (Omitting.is(information)) return information.copy();
  return RawJson.is(information) ? information.parse() : (information ?? {});
}

/** The information of the record as a new object, built from the safe copy. */
function assembleInformation({ levelName }: RecordInput, { information, more }: JsonObject): JsonObject {
  const fields = isObject(information) ? information : information === undefined ? {} : { value: information };
  const key = levelName === undefined ? undefined : levelNameKey(fields);
  if (key !== undefined) fields[key] = cleanText(levelName as string);
  for (const [name, value] of Object.entries(isObject(more) ? more : {})) {
    if (!Object.hasOwn(fields, name)) setField(fields, name, value);
  }
  return fields;
}

/** The constant middle part of a line, cached by level for the last service: a process rarely has more than one. */
let middles = new Map<Level, string>();
let middlesService: string | undefined;

function middleOf(service: string, level: Level): string {
  if (service !== middlesService) {
    middles = new Map();
    middlesService = service;
  }
  const known = middles.get(level);
  if (known !== undefined) return known;
  const middle = `","service":${JSON.stringify(cleanText(service))},"level":"${level}","message":`;
  middles.set(level, middle);
  return middle;
}

function recordLine({ service, level }: RecordInput, stamp: Stamp, message: string, information: string): string {
  const timestamp = formatTimestamp(timestampFromMicros(stamp.epochMicros));
  return `{"id":"${stamp.id}${middleOf(service, level)}${message},"information":${information},"timestamp":"${timestamp}"}`;
}

/** The key for the original level name that the caller has not used. */
function levelNameKey(information: object): string | undefined {
  return LEVEL_NAME_KEYS.find((key) => !hasField(information, key));
}

function messageText(message: unknown, maxBytes: number): string {
  if (typeof message === 'string') return message;
  if (message === undefined) return '';
  const safe = errorText(message) ?? safeValue(message, maxBytes);
  return typeof safe === 'string' ? safe : JSON.stringify(safe);
}

/** An Error's message, or its name if that is empty. */
function errorText(value: unknown): string | undefined {
  if (!isErrorSafely(value)) return undefined;
  const texts = [readSafely(value, 'message'), readSafely(value, 'name')];
  return texts.find((text): text is string => typeof text === 'string' && text !== '');
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fits(line: string, bytes: number): boolean {
  // A UTF-16 unit takes at most three bytes, so most lines need not be measured.
  return line.length * 3 <= bytes || Buffer.byteLength(line) <= bytes;
}
