/**
 * Formats a stored record for a terminal: one line, then the rest of its message and its error's stack, indented. Pure.
 */
import { styleText } from 'node:util';
import type { Level } from '../../src/level.js';
import { printableJson, printableLine, printableLines } from '../../src/printable.js';
import type { StoredRecord } from '../../src/record.js';
import { memberTexts } from '../../src/value/json-members.js';

type Style = Parameters<typeof styleText>[0];

const LEVEL_STYLE: Readonly<Record<Level, Style>> = {
  DEBUG: 'dim',
  INFO: 'green',
  WARNING: 'yellow',
  ERROR: 'red',
  CRITICAL: ['bgRed', 'whiteBright'],
};
const LEVEL_WIDTH = 'CRITICAL'.length;
const INDENT = ' '.repeat(14);
/** Maximum characters shown of one text; the table has all of it. */
const MAX_SHOWN = 2000;
/** Maximum causes shown as stacks. Further ones stay in the error's JSON. */
const MAX_CAUSES = 10;

/**
 * @param color false: plain text.
 * @param now records of another day show their date.
 */
export function recordLine(record: StoredRecord, color: boolean, now = new Date()): string {
  const paint = (style: Style, text: string) =>
    color && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  const { rest, stacks } = splitInformation(record.information, cut(record.message));
  const [first = '', ...more] = linesOf(record.message);
  const head = [
    paint('dim', localTime(record.timestamp, now)),
    paint(LEVEL_STYLE[record.level], record.level.padEnd(LEVEL_WIDTH)),
    paint('bold', printableLine(cut(record.service))),
    first,
    paint('dim', printableJson(cut(rest))),
  ];
  const below = [...more, ...(stacks === '' ? [] : linesOf(stacks).map((line) => paint('dim', line)))];
  return [head.filter((part) => part !== '').join('  '), ...below.map((line) => INDENT + line)].join('\n');
}

/**
 * Moves stacks out of the JSON and below the line, and drops fields the stack already shows. Numbers keep their digits.
 */
function splitInformation(json: string, message: string): { rest: string; stacks: string } {
  if (json === '{}') return { rest: '', stacks: '' };
  const members = memberTexts(json);
  const { stacks, fields } = causesOf(members.get('error'));
  if (stacks.length === 0) return { rest: json, stacks: '' };
  members.delete('error');
  if (fields !== undefined) members.set('error', fields);
  const shown = flush(message);
  const below = stacks
    .map((stack, at) => (at === 0 ? stack : `caused by ${stack}`))
    // `console.error(error)` logs the stack as the message, so do not repeat it.
    .filter((_, at) => !shown.includes(headOf(flush(stacks[at]!))));
  return { rest: members.size === 0 ? '' : objectOf(members), stacks: below.join('\n') };
}

/** The stack down to its first call: Node omits frames a stack has in common with its cause. */
function headOf(stack: string): string {
  return /^[\s\S]*?\nat .*/.exec(stack)?.[0] ?? stack;
}

/** Removes the indentation of lines, which differs if an error is printed inside another one. */
function flush(text: string): string {
  return text.replace(/\n[ \t]+/g, '\n');
}

/** The stacks of an error and its causes, and the JSON of their own fields, which stacks do not show. */
function causesOf(error: string | undefined): { stacks: string[]; fields: string | undefined } {
  const stacks: string[] = [];
  const levels: Map<string, string>[] = [];
  let left = error;
  while (stacks.length < MAX_CAUSES) {
    const members: Map<string, string> = left?.startsWith('{') ? memberTexts(left) : new Map();
    const stack = members.get('stack');
    if (!stack?.startsWith('"')) break;
    stacks.push(JSON.parse(stack) as string);
    left = members.get('cause');
    for (const name of ['stack', 'name', 'message', 'cause']) members.delete(name);
    levels.push(members);
  }
  let fields = left;
  for (const members of levels.reverse()) {
    if (fields !== undefined) members.set('cause', fields);
    fields = members.size === 0 ? undefined : objectOf(members);
  }
  return { stacks, fields };
}

function objectOf(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, json]) => `${JSON.stringify(name)}:${json}`).join()}}`;
}

function linesOf(text: string): string[] {
  return printableLines(cut(text)).split('\n');
}

function cut(text: string): string {
  if (text.length <= MAX_SHOWN) return text;
  // Do not split a surrogate pair.
  const end = /[\ud800-\udbff]/.test(text.charAt(MAX_SHOWN - 1)) ? MAX_SHOWN - 1 : MAX_SHOWN;
  return `${text.slice(0, end)}… (${text.length - end} more)`;
}

// Local times. Pure.

/** `HH:MM:SS.mmm`, preceded by the date if it is not today. Text that is not a time is returned as it is. */
export function localTime(timestamp: string, now: Date): string {
  const time = new Date(timestamp);
  if (Number.isNaN(time.getTime())) return printableLine(timestamp);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  const shown = `${clock}.${String(time.getMilliseconds()).padStart(3, '0')}`;
  return dateOf(time) === dateOf(now) ? shown : `${dateOf(time)} ${shown}`;
}

/** `UTC+02:00`, or `UTC`. */
export function utcOffset(now: Date): string {
  const minutes = -now.getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const ahead = Math.abs(minutes);
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
}

function dateOf(time: Date): string {
  return [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(two).join('-');
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
