/** Patterns for people: one line each, or two on a narrow terminal. Pure. */
import stringWidth from 'string-width';
import type { MessagePattern } from '../../query/index.js';
import { printableLine } from '../../src/printable.js';
import { PLACEHOLDERS } from '../../src/shape.js';
import { localDate, localTime } from '../view/local-time.js';
import { createPaint, type Paint, type Style } from '../view/paint.js';

export interface TableOptions {
  readonly color: boolean;
  /** Width of the terminal. Undefined: no limit. */
  readonly columns: number | undefined;
  /** IANA name. */
  readonly timeZone: string;
  /** How many records were read. */
  readonly records: number;
  /** The command that shows the records of a pattern, if it is to be shown. */
  readonly commandOf?: ((pattern: MessagePattern) => string) | undefined;
  /** Epoch milliseconds; times of today are shown without the date. */
  readonly nowMs?: number;
}

interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
  readonly right?: boolean;
}

const GAP = '  ';
const INDENT = ' '.repeat(4);
/** A pattern that has less room than this gets a line of its own. */
const MIN_PATTERN_COLUMNS = 40;
const HEAD = ['COUNT', 'SHARE', 'LEVEL', 'SERVICE', 'FIRST', 'LAST'];

/** Text with line feeds. Empty if there are no patterns. */
export function patternTable(patterns: readonly MessagePattern[], options: TableOptions): string {
  const { color, columns = Number.POSITIVE_INFINITY, timeZone, records, commandOf, nowMs = Date.now() } = options;
  if (patterns.length === 0) return '';
  const paint = createPaint(color);
  const today = `${localDate(nowMs, timeZone)} `;
  const isOfToday = patterns.every(({ first }) => localTime(first, timeZone).startsWith(today));
  const timeOf = (timestamp: string) => localTime(timestamp, timeZone).slice(isOfToday ? today.length : 0, 19);
  const rows = patterns.map(({ count, level, service, first, last }): Cell[] => [
    { text: String(count), right: true },
    { text: shareText(count / records), right: true },
    { text: level, style: level },
    { text: printableLine(service), style: 'service' },
    { text: timeOf(first), style: 'dim' },
    { text: timeOf(last), style: 'dim' },
  ]);
  const head = HEAD.map((text, at): Cell => ({ text, style: 'dim', right: at < 2 }));
  const widths = HEAD.map((_, at) => Math.max(...[head, ...rows].map((row) => stringWidth(row[at]!.text))));
  const headWidth = widths.reduce((sum, width) => sum + width + GAP.length, 0);
  const texts = patterns.map(({ pattern }) => printableLine(pattern) || '(no text)');
  const room = columns - headWidth;
  const isBelow = room < MIN_PATTERN_COLUMNS && texts.some((text) => stringWidth(text) > room);
  const shown = texts.map((text) => marked(cutToWidth(text, isBelow ? columns - INDENT.length : room), paint));
  const lines = [
    isBelow
      ? aligned(head, widths, paint).trimEnd()
      : `${aligned(head, widths, paint)}${GAP}${paint('dim', 'PATTERN')}`,
    ...rows.flatMap((row, at) => {
      const line = aligned(row, widths, paint);
      return [
        ...(isBelow ? [line, INDENT + shown[at]] : [line + GAP + shown[at]]),
        ...(commandOf === undefined ? [] : [INDENT + paint('dim', printableLine(commandOf(patterns[at]!)))]),
      ];
    }),
  ];
  return `${lines.join('\n')}\n`;
}

/** `48%`, `1.2%`, `<0.1%` */
export function shareText(share: number): string {
  const percent = share * 100;
  if (percent >= 9.95) return `${Math.round(percent)}%`;
  return percent < 0.1 ? '<0.1%' : `${percent.toFixed(1)}%`;
}

function aligned(cells: readonly Cell[], widths: readonly number[], paint: Paint): string {
  return cells
    .map(({ text, style, right }, at) => {
      const space = ' '.repeat(Math.max(0, widths[at]! - stringWidth(text)));
      const painted = style === undefined ? text : paint(style, text);
      return right ? space + painted : painted + space;
    })
    .join(GAP);
}

const PLACEHOLDER = new RegExp(`<(?:${PLACEHOLDERS.join('|')})>`, 'g');

function marked(text: string, paint: Paint): string {
  return text.replace(PLACEHOLDER, (name) => paint('dim', name));
}

function cutToWidth(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let cut = '';
  let width = 0;
  for (const character of text) {
    width += stringWidth(character);
    if (width > columns - 1) break;
    cut += character;
  }
  return `${cut}…`;
}
