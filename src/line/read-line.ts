/**
 * A line of a log, as Pino and other loggers write it, taken apart into what a record has. Pure; never throws.
 *
 * @module
 */
import type { FoundLevel } from '../level.js';
import type { Entry } from '../producer.js';
import { quoteHugeNumbers } from '../value/huge-number.js';
import { memberTexts, nesting } from '../value/json-members.js';
import { MOST_LEVELS } from '../value/plain-value.js';
import { cleanJson } from '../value/safe-text.js';
import { WrittenObject } from '../value/written-object.js';
import type { LevelReader } from './written-level.js';
import { createLineOrder, readTime } from './written-time.js';

/** Where a logger keeps what a record has a place for. The first name that a line has is taken. */
export interface LineFields {
  readonly level: readonly string[];
  readonly message: readonly string[];
  /** An error, which goes to `information.error`. */
  readonly error: readonly string[];
  readonly time: readonly string[];
  readonly readLevel: LevelReader;
}

/** Loggers write their own level first. */
const FIRST_LEVEL = /^\s*\{"level":(\d+|"[^"\\]*"),/;

/** The text of each field's value, which is valid JSON, by its name. */
export type Members = Map<string, string>;

/**
 * Makes a reader of lines, which keeps them in their order. A line that is a JSON object has its level, time, message and
 * error taken out by these names; all else is `information`, digit by digit. What is there but is none (a level that is a
 * list, a time before 1970) stays. Any other line is the message itself, at INFO.
 *
 * @param readText for the lines that are no JSON object: their fields, or undefined where they are mere text.
 */
export function createLineReader(
  fields: () => LineFields,
  readText: (line: string) => Members | undefined = () => undefined,
): (line: string) => Entry {
  const inOrder = createLineOrder();
  return (line) => {
    const members = objectMembers(line) ?? readText(line);
    if (members === undefined) return { level: 'INFO', message: line, information: undefined };
    const { epochMicros, ...entry } = entryOf(members, fields(), line);
    return epochMicros === undefined ? entry : { ...entry, epochMicros: inOrder(epochMicros) };
  };
}

function objectMembers(line: string): Members | undefined {
  if (!/^\s*\{/.test(line)) return undefined;
  const json = cleanJson(line);
  try {
    JSON.parse(json);
  } catch {
    return undefined;
  }
  return memberTexts(quoteHugeNumbers(json));
}

function entryOf(members: Members, fields: LineFields, line: string): Entry {
  const level = ownLevel(members, fields, line) ?? takeLevel(members, fields);
  const epochMicros = takeTime(members, fields.time);
  const message = takeMessage(members, fields.message);
  moveError(members, fields.error);
  return { level: level.level, levelName: level.name, message, information: informationOf(members), epochMicros };
}

/** The text itself, where nothing has to be marked for its depth. */
function informationOf(members: Members): unknown {
  const written = new WrittenObject(members);
  const { json } = written;
  // Each level takes two characters at least.
  return json.length > 2 * MOST_LEVELS && nesting(json) > MOST_LEVELS ? written.parse() : written;
}

/** The level of the line, where a field that was logged has the same name, and stands in its place: it stays a field. */
function ownLevel(members: Members, { readLevel }: LineFields, line: string): FoundLevel | undefined {
  const own = FIRST_LEVEL.exec(line)?.[1];
  return own === undefined || own === members.get('level') ? undefined : readLevel(plainValue(own));
}

function takeLevel(members: Members, { level, readLevel }: LineFields): FoundLevel {
  for (const name of level) {
    const found = readLevel(plainValue(members.get(name)));
    if (found === undefined) continue;
    members.delete(name);
    return found;
  }
  return { level: 'INFO' };
}

function takeTime(members: Members, names: readonly string[]): number | undefined {
  for (const name of names) {
    const micros = readTime(plainValue(members.get(name)));
    if (micros === undefined) continue;
    members.delete(name);
    return micros;
  }
  return undefined;
}

/** A message that is no text is its JSON, as in every record. */
function takeMessage(members: Members, names: readonly string[]): string {
  const name = names.find((each) => members.has(each));
  if (name === undefined) return '';
  const text = members.get(name) as string;
  members.delete(name);
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

/** Texts and numbers; the others are no level and no time. */
function plainValue(text: string | undefined): unknown {
  return text === undefined || /^[[{]/.test(text) ? undefined : JSON.parse(text);
}

/** Every door has errors under `error`. Where the line has a field of that name it stays, and so does the other. */
function moveError(members: Members, names: readonly string[]): void {
  const name = names.find((each) => members.has(each));
  if (name === undefined || members.has('error')) return;
  const text = members.get(name) as string;
  members.delete(name);
  members.set('error', text.startsWith('{') ? errorText(text) : text);
}

/** What Pino calls `type` and `aggregateErrors` are `name` and `errors` elsewhere. */
function errorText(text: string): string {
  const members = memberTexts(text);
  rename(members, 'aggregateErrors', 'errors');
  rename(members, 'type', 'name');
  return new WrittenObject(members).json;
}

function rename(members: Members, from: string, to: string): void {
  const text = members.get(from);
  if (text === undefined || members.has(to)) return;
  members.delete(from);
  members.set(to, text);
}

/** The application may have called at the very end of its stack. */
export function readSafely(read: (line: string) => Entry, line: string): Entry {
  try {
    return read(line);
  } catch {
    return { level: 'INFO', message: line, information: undefined };
  }
}
