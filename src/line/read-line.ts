/**
 * Parses a log line, as Pino and other loggers write it, into an entry. Pure; never throws.
 *
 * @module
 */
import type { FoundLevel } from '../level.js';
import type { Entry } from '../producer.js';
import { quoteHugeNumbers } from '../value/huge-number.js';
import { itemTexts, memberTexts, nesting } from '../value/json-members.js';
import { MAX_DEPTH } from '../value/plain-json.js';
import { RawJson } from '../value/raw-json.js';
import { cleanJson } from '../value/safe-text.js';
import { ERROR_NAMES } from './field-names.js';
import type { LevelReader, WrittenLevel } from './written-level.js';
import { createLineOrder, readTime } from './written-time.js';

/** The field names that a logger uses, see field-names.ts. The first name that a line has is used. */
export interface LineFields {
  readonly level: readonly string[];
  readonly message: readonly string[];
  /** An error, stored as `information.error`. */
  readonly error: readonly string[];
  readonly time: readonly string[];
  readonly readLevel: LevelReader;
}

/** Loggers write the level as the first member. */
const FIRST_MEMBER = /^\s*\{"([\w.@]+)":(\d+|"[^"\\]*")[,}]/;

/** Field name to the JSON text of its value. */
export type MemberTexts = Map<string, string>;

/**
 * Creates a line reader that preserves the order of lines. From a line that is a JSON object, the level, time, message
 * and error are extracted by these names; everything else becomes `information`, digit by digit. A field with an
 * unusable value (a level that is an array, a time before 1970) stays in `information`. Any other line becomes the
 * message, at INFO.
 *
 * @param readText parses lines that are not JSON objects: returns their fields, or undefined for plain text.
 */
export function createLineReader(
  fields: () => LineFields,
  readText: (line: string) => MemberTexts | undefined = () => undefined,
): (line: string) => Entry {
  const withLineOrder = createLineOrder();
  return (line) => {
    const members = objectMembers(line) ?? readText(line);
    if (members === undefined) return { level: 'INFO', message: line, information: undefined };
    const { epochMicros, ...entry } = entryOf(members, fields(), line);
    return epochMicros === undefined ? entry : { ...entry, epochMicros: withLineOrder(epochMicros) };
  };
}

function objectMembers(line: string): MemberTexts | undefined {
  if (!/^\s*\{/.test(line)) return undefined;
  const json = cleanJson(line);
  try {
    JSON.parse(json);
  } catch {
    return undefined;
  }
  return memberTexts(quoteHugeNumbers(json));
}

function entryOf(members: MemberTexts, fields: LineFields, line: string): Entry {
  const level = firstMemberLevel(members, fields, line) ?? takeLevel(members, fields);
  const epochMicros = takeTime(members, fields.time);
  const message = takeMessage(members, fields.message);
  moveError(members, fields.error);
  return { level: level.level, levelName: level.name, message, information: informationOf(members), epochMicros };
}

/** The text as written, unless it is nested so deep that it must be marked. */
function informationOf(members: MemberTexts): unknown {
  const written = new RawJson(members);
  const { json } = written;
  // Each level of nesting takes at least two characters.
  return json.length > 2 * MAX_DEPTH && nesting(json) > MAX_DEPTH ? written.parse() : written;
}

/** The first member, if it is a level. A field of the same name that was logged as well stays a field. */
function firstMemberLevel(
  members: MemberTexts,
  { level, readLevel }: LineFields,
  line: string,
): WrittenLevel | undefined {
  const [, name = '', text = ''] = FIRST_MEMBER.exec(line) ?? [];
  if (!level.includes(name)) return undefined;
  const found = readLevel(plainValue(text), name);
  if (found === undefined || found.isUnknown) return undefined;
  if (members.get(name) === text) members.delete(name);
  return found;
}

/** An unknown level name is used only if no field holds a known level. */
function takeLevel(members: MemberTexts, { level, readLevel }: LineFields): FoundLevel {
  const found = level.flatMap((name) => {
    const written = readLevel(plainValue(members.get(name) ?? nestedText(members, name)), name);
    return written === undefined ? [] : [{ name, written }];
  });
  const best = found.find(({ written }) => !written.isUnknown) ?? found[0];
  if (best === undefined) return { level: 'INFO' };
  members.delete(best.name);
  return best.written;
}

/** A level in a nested object, such as `{"log":{"level":"error"}}`. The field is not removed. */
function nestedText(members: MemberTexts, name: string): string | undefined {
  const [outer = '', inner] = name.split('.');
  const text = inner === undefined ? undefined : members.get(outer);
  return text?.startsWith('{') ? memberTexts(text).get(inner as string) : undefined;
}

function takeTime(members: MemberTexts, names: readonly string[]): number | undefined {
  for (const name of names) {
    const micros = readTime(plainValue(members.get(name)));
    if (micros === undefined) continue;
    members.delete(name);
    return micros;
  }
  return undefined;
}

/** A message that is not a string becomes its JSON text, as in every record. */
function takeMessage(members: MemberTexts, names: readonly string[]): string {
  const name = names.find((each) => members.has(each));
  if (name === undefined) return '';
  const text = members.get(name) as string;
  members.delete(name);
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

/** Parses strings and numbers. Arrays and objects are neither a level nor a time. */
function plainValue(text: string | undefined): unknown {
  return text === undefined || /^[[{]/.test(text) ? undefined : JSON.parse(text);
}

/** Every integration stores errors under `error`. If the line already has a field of that name, both fields stay. */
function moveError(members: MemberTexts, names: readonly string[]): void {
  const own = members.get('error');
  // Elastic's format already uses `error`.
  if (own?.includes('"stack_trace"')) members.set('error', errorText(own));
  const name = names.find((each) => members.has(each));
  if (name === undefined || own !== undefined) return;
  const text = members.get(name) as string;
  members.delete(name);
  members.set('error', errorText(text));
}

/** Maximum nesting of errors in errors: each level is parsed again for every level above it. */
const MAX_ERROR_LEVELS = 4;

/** Renames the error's fields, and those of its cause and nested errors, to the names that every record uses. */
function errorText(text: string, level = 1): string {
  if (!text.startsWith('{') || level > MAX_ERROR_LEVELS) return text;
  const members = memberTexts(text);
  for (const [from, to] of ERROR_NAMES) rename(members, from, to);
  const [cause, errors] = [members.get('cause'), members.get('errors')];
  if (cause !== undefined) members.set('cause', errorText(cause, level + 1));
  if (errors?.startsWith('[')) {
    members.set('errors', `[${itemTexts(errors).map((error) => errorText(error, level + 1))}]`);
  }
  return new RawJson(members).json;
}

function rename(members: MemberTexts, from: string, to: string): void {
  const text = members.get(from);
  if (text === undefined || members.has(to)) return;
  members.delete(from);
  members.set(to, text);
}

/** The caller's stack may be exhausted. */
export function readEntrySafely(read: (line: string) => Entry, line: string): Entry {
  try {
    return read(line);
  } catch {
    return { level: 'INFO', message: line, information: undefined };
  }
}
