/** A stored record as people read it on a terminal: one line, the rest of its message and its error's stack indented. Pure. */
import { styleText } from 'node:util';
import type { Level } from '../../src/level.js';
import type { StoredRecord } from '../../src/record.js';

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
/** A terminal is for a glance; SQL has the whole text. */
const MOST_SHOWN = 2000;

/** @param colour false: plain text. */
export function recordLine(record: StoredRecord, colour: boolean): string {
  const paint = (style: Style, text: string) =>
    colour && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  const { rest, stack } = splitInformation(record.information);
  const [first = '', ...more] = shownText(record.message).split('\n');
  const head = [
    paint('dim', localTime(record.timestamp)),
    paint(LEVEL_STYLE[record.level], record.level.padEnd(LEVEL_WIDTH)),
    paint('bold', shownText(record.service)),
    first,
    paint('dim', shownText(rest)),
  ];
  const below = [
    ...more,
    ...(stack === ''
      ? []
      : shownText(stack)
          .split('\n')
          .map((line) => paint('dim', line))),
  ];
  return [head.filter((part) => part !== '').join('  '), ...below.map((line) => INDENT + line)].join('\n');
}

/** `HH:MM:SS.mmm` where the reader sits. */
function localTime(timestamp: string): string {
  const time = new Date(timestamp);
  if (Number.isNaN(time.getTime())) return timestamp;
  const two = (number: number) => String(number).padStart(2, '0');
  const ms = String(time.getMilliseconds()).padStart(3, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
}

/** A stack reads badly as JSON: it goes below the line, and with it what it says already. */
function splitInformation(json: string): { rest: string; stack: string } {
  if (json === '{}') return { rest: '', stack: '' };
  const { error, ...others } = JSON.parse(json) as Record<string, unknown>;
  const chain = chainOf(error);
  if (chain.stacks.length === 0) return { rest: json, stack: '' };
  const left = Object.keys(chain.fields).length === 0 ? others : { ...others, error: chain.fields };
  return { rest: Object.keys(left).length === 0 ? '' : JSON.stringify(left), stack: chain.stacks.join('\ncaused by ') };
}

/** The stacks of an error and its causes; its own fields, which no stack shows. */
function chainOf(error: unknown): { stacks: string[]; fields: Record<string, unknown> } {
  if (typeof error !== 'object' || error === null) return { stacks: [], fields: {} };
  const { stack, name, message, cause, ...fields } = error as Record<string, unknown>;
  if (typeof stack !== 'string') return { stacks: [], fields: {} };
  const causes = chainOf(cause);
  if (causes.stacks.length === 0)
    return { stacks: [stack], fields: cause === undefined ? fields : { ...fields, cause } };
  const further = Object.keys(causes.fields).length === 0 ? fields : { ...fields, cause: causes.fields };
  return { stacks: [stack, ...causes.stacks], fields: further };
}

/** What could steer the terminal, or turn the order of the letters on it, is written as an escape. */
function shownText(text: string): string {
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}… (${text.length - MOST_SHOWN} more)` : text;
  return shown.replaceAll('\r\n', '\n').replace(STEERING, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** Control characters but tab and line feed; the marks of bidirectional text. */
const STEERING = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
