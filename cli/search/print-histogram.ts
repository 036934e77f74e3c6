/** `loghive search --histogram`: how many records match over time, as bars by level. */
import type { Histogram, HistogramBar } from '../../query/index.js';
import { LEVELS, type Level } from '../../src/level.js';
import { counted } from '../../src/sentence.js';
import { openPrinter } from '../output.js';
import { localTime } from '../view/local-time.js';
import { createPaint, type Paint } from '../view/paint.js';
import type { FormatOptions } from '../view/record-format.js';

type Format = Pick<FormatOptions, 'name' | 'color' | 'columns' | 'timeZone'>;

/** Whether any records match. */
export async function printHistogram(histogram: Histogram, format: Format): Promise<boolean> {
  const printer = openPrinter();
  const total = sum(histogram.bars.map(totalOf));
  if (format.name === 'json') await printer.json(histogram);
  else if (format.name === 'ndjson') for (const bar of histogram.bars) await printer.json(bar);
  else if (total > 0) await printer.write(chart(histogram, format));
  return total > 0;
}

const DEFAULT_COLUMNS = 80;
const MIN_BAR = 10;

/** One line a bar, then the total. Without colors, the letter of a bar is that of its level. Pure. */
export function chart({ bars, stepS }: Histogram, { color, columns: widthOf, timeZone }: Omit<Format, 'name'>): string {
  const paint = createPaint(color);
  const labels = bars.map(({ start }) => localTime(start, timeZone).slice(0, stepS < 60 ? 19 : 16));
  const counts = bars.map(({ counts }) => countsText(counts));
  const width = Math.max(MIN_BAR, (widthOf?.() ?? DEFAULT_COLUMNS) - longest(labels) - longest(counts) - 4);
  const highest = Math.max(...bars.map(totalOf));
  const lines = bars.map((bar, at) => {
    const cells = cellsOf(bar, width, highest);
    const drawn = LEVELS_DOWN.map((level) => paint(level, (color ? BLOCKS[level] : level[0]!).repeat(cells[level])));
    const length = sum(Object.values(cells));
    return `${labels[at]}  ${drawn.join('')}${' '.repeat(width - length)}  ${counts[at]}`.trimEnd();
  });
  const isEmpty = (at: number) => bars[at] === undefined || totalOf(bars[at]) === 0;
  const shown = lines.flatMap((line, at) => {
    // A gap is its first line, then an ellipsis.
    if (!isEmpty(at - 1) || !isEmpty(at) || at === 0) return line;
    return isEmpty(at - 2) && at > 1 ? [] : '…';
  });
  const total = counted(sum(bars.map(totalOf)), 'record');
  return `${[...shown, `${total}, ${stepText(stepS)} a line: ${legend(bars, color, paint)}`].join('\n')}\n`;
}

const LEVELS_DOWN = [...LEVELS].reverse();
/** CRITICAL is white on red, so a full block would hide the red. */
const BLOCKS: Readonly<Record<Level, string>> = { DEBUG: '░', INFO: '█', WARNING: '█', ERROR: '█', CRITICAL: '!' };

/** Every level that occurs has at least one cell, because a single error matters. */
function cellsOf(bar: HistogramBar, width: number, highest: number): Record<Level, number> {
  const cells = {} as Record<Level, number>;
  let left = totalOf(bar) === 0 ? 0 : Math.max(1, Math.round((totalOf(bar) / highest) * width));
  let count = totalOf(bar);
  for (const level of LEVELS_DOWN) {
    const own = bar.counts[level];
    cells[level] = own === 0 ? 0 : Math.min(left, Math.max(1, Math.round((own / count) * left)));
    left -= cells[level];
    count -= own;
  }
  return cells;
}

/** `1204  3 critical, 17 error` */
function countsText(counts: HistogramBar['counts']): string {
  const total = sum(Object.values(counts));
  const severe = (['CRITICAL', 'ERROR'] as const).filter((level) => counts[level] > 0);
  return [String(total), severe.map((level) => `${counts[level]} ${level.toLowerCase()}`).join(', ')]
    .filter((part) => part !== '')
    .join('  ');
}

function legend(bars: readonly HistogramBar[], color: boolean, paint: Paint): string {
  return LEVELS_DOWN.filter((level) => bars.some(({ counts }) => counts[level] > 0))
    .map((level) => `${paint(level, color ? BLOCKS[level] : level[0]!)} ${level.toLowerCase()}`)
    .join(', ');
}

/** `1 minute`, `6 hours`. */
function stepText(stepS: number): string {
  const [unitS, name] = UNITS.find(([seconds]) => stepS % seconds === 0) ?? [1, 'second'];
  return counted(stepS / unitS, name);
}

const UNITS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const;

function totalOf({ counts }: HistogramBar): number {
  return sum(Object.values(counts));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function longest(texts: readonly string[]): number {
  return Math.max(...texts.map(({ length }) => length));
}
