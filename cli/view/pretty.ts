/**
 * A record for people: time, level, service, message and fields on a line; stacks, texts of several lines and larger
 * JSON on lines below. Nothing in a record can control the terminal or imitate another record.
 */
import stringWidth from 'string-width';
import { LEVEL_NAME_KEYS, type Level } from '../../src/level.js';
import { printableJson, printableLine, printableLines } from '../../src/printable.js';
import type { StoredRecord } from '../../src/record.js';
import { type Highlight, marked } from './highlight.js';
import { layOutJson } from './json-layout.js';
import { localDate, localTime } from './local-time.js';
import { createPaint, type Paint } from './paint.js';
import { createFolding } from './process-fields.js';
import { type Field, recordParts } from './record-parts.js';

export interface PrettyOptions {
  readonly color: boolean;
  /** Width of the terminal; fields continue on the next line. Undefined, or the function returns it: no limit. */
  readonly columns?: (() => number | undefined) | undefined;
  /** IANA name. */
  readonly timeZone: string;
  /** Epoch milliseconds; records of another day show their date. */
  readonly now?: () => number;
  /** Show the date of records of today as well. */
  readonly dates?: boolean;
  /** What the query searched for. */
  readonly highlight?: Highlight | undefined;
  /** Fields that are shown on every line, although they repeat. */
  readonly fields?: readonly string[] | undefined;
}

/** Formats one record, without a line feed at the end. */
export type Pretty = (record: StoredRecord, role?: 'match' | 'context') => string;

type MarkField = (name: string, text: string) => string;

const NO_HIGHLIGHT: Highlight = { message: [], fields: new Set() };
const LEVEL_WIDTH = 'CRITICAL'.length;
const MAX_SERVICE_WIDTH = 24;
const GAP = '  ';
const INDENT = ' '.repeat(14);
/** Maximum characters shown of a message, a field or a stack; `-o json` has all of it. */
const MAX_SHOWN = 2000;
const MAX_STACK = 20_000;

export function createPretty(options: PrettyOptions): Pretty {
  const { columns = () => undefined, timeZone, now = Date.now, highlight = NO_HIGHLIGHT, dates = false } = options;
  const paintAll = createPaint(options.color);
  const fold = createFolding(options.fields);
  let serviceWidth = 0;

  function timeOf(timestamp: string): string {
    const time = localTime(timestamp, timeZone);
    return !dates && time.startsWith(`${localDate(now(), timeZone)} `) ? time.slice(11) : time;
  }

  return (record, role = 'match') => {
    // Context is dim, so that matches stand out.
    const paint: Paint =
      role === 'match' ? paintAll : (style, text) => (style === 'match' ? text : paintAll('dim', text));
    const mark = (text: string) =>
      options.color ? marked(text, highlight.message, (part) => paint('match', part)) : text;
    const markField: MarkField = (name, text) => (highlight.fields.has(name) ? paint('match', text) : text);
    const message = cut(record.message, MAX_SHOWN);
    const { inline, below, stacks, left } = recordParts(record.information, message);
    const [first = '', ...more] = linesOf(messageText(message));
    const service = printableLine(cut(record.service, MAX_SHOWN));
    serviceWidth = Math.max(serviceWidth, Math.min(MAX_SERVICE_WIDTH, stringWidth(service)));
    const head = [
      paint('dim', timeOf(record.timestamp)),
      paint(record.level, record.level.padEnd(LEVEL_WIDTH)),
      paint('service', service + ' '.repeat(Math.max(0, serviceWidth - stringWidth(service)))),
      ...(first === '' ? [] : [mark(first)]),
    ].join(GAP);
    const fields = inline.filter((field) => !repeatsLevel(field, record.level));
    const pairs = fold(record.service, fields).map((field) => pairText(field, paint, markField));
    if (left > 0) pairs.push(paint('dim', `… ${left} more fields`));
    return [
      ...filled(head, more.map(mark), pairs, columns() ?? Number.POSITIVE_INFINITY),
      ...below.flatMap((field) => blockOf(field, paint, markField)),
      ...(stacks === '' ? [] : linesOf(cut(stacks, MAX_STACK)).map((line) => stackLine(line, paint))),
    ].join(`\n${INDENT}`);
  };
}

/** The logger's own name of the level says nothing new if it only is a short form: `warn`. */
function repeatsLevel({ name, json }: Field, level: Level): boolean {
  const isLevelName = (LEVEL_NAME_KEYS as readonly string[]).includes(name) && json.length > 2;
  return isLevelName && json.startsWith('"') && level.startsWith((JSON.parse(json) as string).toUpperCase());
}

/** JSON that was logged as a message is laid out. */
function messageText(message: string): string {
  if (message.length < 80 || !/^\s*[[{]/.test(message) || message.includes('\n')) return message;
  try {
    JSON.parse(message);
    return layOutJson(message, MAX_SHOWN);
  } catch {
    return message;
  }
}

/** Puts the fields behind the message if they fit there, or on as few lines below it as possible. */
function filled(head: string, more: readonly string[], pairs: readonly string[], columns: number): string[] {
  const lines = [head, ...more];
  if (pairs.length === 0) return lines;
  const widths = pairs.map((pair) => stringWidth(pair));
  const together = widths.reduce((sum, width) => sum + width + 1, 1);
  if (stringWidth(head) + together <= columns) return [head + GAP + pairs.join(' '), ...more];
  let line = more.length === 0 ? head : '';
  let used = more.length === 0 ? stringWidth(head) : Number.POSITIVE_INFINITY;
  if (more.length === 0) lines.pop();
  for (const [at, pair] of pairs.entries()) {
    const gap = line === head ? GAP : ' ';
    if (used + gap.length + widths[at]! <= columns) {
      line += gap + pair;
      used += gap.length + widths[at]!;
    } else {
      if (line !== '') lines.push(line);
      line = pair;
      used = INDENT.length + widths[at]!;
    }
  }
  return [...lines, line];
}

function pairText({ name, json }: Field, paint: Paint, mark: MarkField): string {
  return `${paint('dim', `${wordOf(name)}=`)}${mark(name, valueText(json))}`;
}

/** Strings without quotes where nothing else could be meant. */
function valueText(json: string): string {
  if (!json.startsWith('"')) return printableJson(cut(json, MAX_SHOWN));
  return wordOf(cut(JSON.parse(json) as string, MAX_SHOWN));
}

function wordOf(text: string): string {
  const isPlain = /^[^\s"'=,()[\]{}]+$/.test(text) && !/^(?:[-+.\d]+(?:e[-+]?\d+)?|true|false|null)$/i.test(text);
  return isPlain ? printableLine(text) : printableJson(JSON.stringify(text));
}

function blockOf({ name, json }: Field, paint: Paint, mark: MarkField): string[] {
  const isText = json.startsWith('"');
  const text = isText ? cut((JSON.parse(json) as string).trimEnd(), MAX_SHOWN) : layOutJson(json, MAX_SHOWN);
  const shown = linesOf(text).map((line) => mark(name, line));
  const label = paint('dim', `${wordOf(name)}=`);
  return isText ? [label, ...shown.map((line) => GAP + line)] : [label + shown[0], ...shown.slice(1)];
}

/** Calls in the platform and in dependencies are dim: the bug is rarely there. */
function stackLine(line: string, paint: Paint): string {
  return /^\s*at .*(?:node:|node_modules)/.test(line) ? paint('dim', line) : line;
}

function linesOf(text: string): string[] {
  return printableLines(text).split('\n');
}

function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  // Do not split a surrogate pair.
  const end = /[\ud800-\udbff]/.test(text.charAt(max - 1)) ? max - 1 : max;
  return `${text.slice(0, end)}… (${text.length - end} more)`;
}
