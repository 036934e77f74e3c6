/**
 * A record of the wire contract, written: whatever an application logs becomes one line of JSON.
 *
 * @module
 */
import { CUT_KEY, cutToFit } from './cut.js';
import { isError } from './error-value.js';
import { readSafely, threwMark } from './foreign-object.js';
import type { Json, JsonObject } from './json-value.js';
import { LEVEL_NAME_KEYS, type Level } from './level.js';
import { plainRoom } from './plain-value.js';
import { cleanText, hasEscapedHazard } from './safe-text.js';
import { safeCopy, safeValue } from './safe-value.js';
import { formatTimestamp, timestampFromMicros } from './timestamp.js';

export type { DecodeContext, Decoded, StoredRecord } from './stored-record.js';
export { decodeRecord } from './stored-record.js';

/** What an application logs; `service` and `level` are ours and known to be good. */
export interface RecordInput {
  readonly service: string;
  readonly level: Level;
  /** The logger's own name of the level, where it is not one of the five: goes to `information.level`. */
  readonly levelName?: string | undefined;
  readonly message: unknown;
  readonly information?: unknown;
}

/** Given once, where the record is made. */
export interface Stamp {
  /** A UUIDv7 of the same time. */
  readonly id: string;
  /** Epoch microseconds, an integer. */
  readonly epochMicros: number;
}

/** `{"message":` + `,"information":` + `}`: what the two take beyond their own JSON. */
const FRAME_OF_BOTH_BYTES = 27;

/**
 * The record as one line of JSON, without a line break in it or behind it, of at most `maxRecordBytes` bytes of UTF-8
 * (1024 or more; `service` counts and is never cut). Never throws, never changes what it is given.
 *
 * A message that is not a string is made one: an Error gives its message, undefined nothing, anything else its JSON.
 * Information that is not an object goes under `value`; null and undefined give `{}`. What JSON or PostgreSQL do not
 * take is made safe and marked (see `safeCopy`); what is too long is cut and marked (see `cutToFit`).
 */
export function encodeRecord(input: RecordInput, stamp: Stamp, maxRecordBytes: number): string {
  const line = plainLine(input, stamp, maxRecordBytes);
  if (line !== undefined) return line;
  try {
    return safeLine(input, stamp, maxRecordBytes);
  } catch (thrown) {
    // Nothing above throws by itself; but the application may have called us at the very end of its stack.
    return recordLine(input, stamp, '', { [CUT_KEY]: threwMark(thrown) });
  }
}

/** The line, where JSON.stringify carries the record as it is: nearly always. */
function plainLine(input: RecordInput, stamp: Stamp, maxRecordBytes: number): string | undefined {
  const { message, levelName } = input;
  const information = input.information ?? {};
  if (typeof message !== 'string' || typeof information !== 'object') return undefined;
  try {
    if (Array.isArray(information) || information instanceof Date) return undefined;
    if (plainRoom(information, maxRecordBytes - message.length) < 0) return undefined;
    const named = levelName === undefined ? information : withLevelName({ ...information }, levelName);
    const line = recordLine(input, stamp, message, named);
    return !hasEscapedHazard(line) && fits(line, maxRecordBytes) ? line : undefined;
  } catch {
    return undefined; // a proxy, or an accessor that threw only now
  }
}

function safeLine(input: RecordInput, stamp: Stamp, maxRecordBytes: number): string {
  const clean = { ...input, service: cleanText(input.service) };
  const both = { message: messageText(input.message, maxRecordBytes), information: input.information ?? {} };
  const copy = safeCopy(both, maxRecordBytes);
  const { message, information } = isObject(copy.value) ? copy.value : { message: '', information: copy.value };
  const fields = isObject(information) ? information : information === undefined ? {} : { value: information };
  const root = { message: message ?? '', information: fields };
  if (input.levelName !== undefined) withLevelName(fields, cleanText(input.levelName));
  const line = copy.overflows ? undefined : recordLine(clean, stamp, root.message, root.information);
  if (line !== undefined && fits(line, maxRecordBytes)) return line;
  const fixedBytes = Buffer.byteLength(recordLine(clean, stamp, '', {})) - '""{}'.length;
  cutToFit(root, maxRecordBytes - fixedBytes + FRAME_OF_BOTH_BYTES);
  return recordLine(clean, stamp, root.message, root.information);
}

function recordLine({ service, level }: RecordInput, stamp: Stamp, message: Json, information: object): string {
  const timestamp = formatTimestamp(timestampFromMicros(stamp.epochMicros));
  return JSON.stringify({ id: stamp.id, service, level, message, information, timestamp });
}

function withLevelName<Fields extends object>(fields: Fields, levelName: string): Fields {
  const free = LEVEL_NAME_KEYS.find((key) => (fields as JsonObject)[key] === undefined);
  if (free !== undefined) (fields as JsonObject)[free] = levelName;
  return fields;
}

function messageText(message: unknown, maxBytes: number): string {
  if (typeof message === 'string') return message;
  if (message === undefined) return '';
  const safe = errorText(message) ?? safeValue(message, maxBytes);
  return typeof safe === 'string' ? safe : JSON.stringify(safe);
}

/** An Error's message; its name where that is empty. */
function errorText(value: unknown): string | undefined {
  try {
    if (typeof value !== 'object' || value === null || !isError(value)) return undefined;
  } catch {
    return undefined; // a proxy that does not say what it is
  }
  const texts = [readSafely(value, 'message'), readSafely(value, 'name')];
  return texts.find((text): text is string => typeof text === 'string' && text !== '');
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fits(line: string, bytes: number): boolean {
  // A UTF-16 unit takes three bytes at most: most lines need no count.
  return line.length * 3 <= bytes || Buffer.byteLength(line) <= bytes;
}
