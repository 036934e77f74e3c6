/**
 * A line of a log, as Pino and other loggers write it, taken apart into what a record has. Pure; never throws.
 *
 * @module
 */
import type { FoundLevel } from '../level.js';
import type { Entry } from '../producer.js';
import { quoteHugeNumbers } from '../value/huge-number.js';
import { itemTexts, memberTexts, nesting } from '../value/json-members.js';
import { MOST_LEVELS } from '../value/plain-value.js';
import { RawJson } from '../value/raw-json.js';
import { cleanJson } from '../value/safe-text.js';
import { ERROR_NAMES } from './field-names.js';
import type { LevelReader, WrittenLevel } from './written-level.js';
import { createLineOrder, readTime } from './written-time.js';

/** Where a logger keeps what a record has a place for, see field-names.ts. The first name that a line has is taken. */
export interface LineFields {
  readonly level: readonly string[];
  readonly message: readonly string[];
  /** An error, which goes to `information.error`. */
  readonly error: readonly string[];
  readonly time: readonly string[];
  readonly readLevel: LevelReader;
}

/** Loggers write their own level first. */
const FIRST_MEMBER = /^\s*\{"([\w.@]+)":(\d+|"[^"\\]*")[,}]/;

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
  const written = new RawJson(members);
  const { json } = written;
  // Each level takes two characters at least.
  return json.length > 2 * MOST_LEVELS && nesting(json) > MOST_LEVELS ? written.parse() : written;
}

/** What the logger wrote first, where it is a level. A field of that name that was logged as well stays a field. */
function ownLevel(members: Members, { level, readLevel }: LineFields, line: string): WrittenLevel | undefined {
  const [, name = '', text = ''] = FIRST_MEMBER.exec(line) ?? [];
  if (!level.includes(name)) return undefined;
  const found = readLevel(plainValue(text), name);
  if (found === undefined || found.isUnknown) return undefined;
  if (members.get(name) === text) members.delete(name);
  return found;
}

/** A name that nobody knows is the level only where there is none that somebody knows. */
function takeLevel(members: Members, { level, readLevel }: LineFields): FoundLevel {
  const found = level.flatMap((name) => {
    const written = readLevel(plainValue(members.get(name) ?? nestedText(members, name)), name);
    return written === undefined ? [] : [{ name, written }];
  });
  const best = found.find(({ written }) => !written.isUnknown) ?? found[0];
  if (best === undefined) return { level: 'INFO' };
  members.delete(best.name);
  return best.written;
}

/** `{"log":{"level":"error"}}`, which stays where it is. */
function nestedText(members: Members, name: string): string | undefined {
  const [outer = '', inner] = name.split('.');
  const text = inner === undefined ? undefined : members.get(outer);
  return text?.startsWith('{') ? memberTexts(text).get(inner as string) : undefined;
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

/** Every integration has errors under `error`. Where the line has a field of that name it stays, and so does the other. */
function moveError(members: Members, names: readonly string[]): void {
  const own = members.get('error');
  // Elastic's format has it there itself.
  if (own?.includes('"stack_trace"')) members.set('error', errorText(own));
  const name = names.find((each) => members.has(each));
  if (name === undefined || own !== undefined) return;
  const text = members.get(name) as string;
  members.delete(name);
  members.set('error', errorText(text));
}

/** Errors in errors are looked for so far down: each level is read once more for each above it. */
const MOST_ERROR_LEVELS = 4;

/** Under the names that an error's parts have in every record, as are its cause and those that it gathers. */
function errorText(text: string, level = 1): string {
  if (!text.startsWith('{') || level > MOST_ERROR_LEVELS) return text;
  const members = memberTexts(text);
  for (const [from, to] of ERROR_NAMES) rename(members, from, to);
  const [cause, errors] = [members.get('cause'), members.get('errors')];
  if (cause !== undefined) members.set('cause', errorText(cause, level + 1));
  if (errors?.startsWith('[')) {
    members.set('errors', `[${itemTexts(errors).map((error) => errorText(error, level + 1))}]`);
  }
  return new RawJson(members).json;
}

function rename(members: Members, from: string, to: string): void {
  const text = members.get(from);
  if (text === undefined || members.has(to)) return;
  members.delete(from);
  members.set(to, text);
}

/** The application may have called at the very end of its stack. */
export function readEntrySafely(read: (line: string) => Entry, line: string): Entry {
  try {
    return read(line);
  } catch {
    return { level: 'INFO', message: line, information: undefined };
  }
}
