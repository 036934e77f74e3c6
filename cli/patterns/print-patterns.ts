/** Prints patterns, in a pager on a terminal. */
import type { MessagePattern, Patterns } from '../../query/index.js';
import { printableJson, printableLines } from '../../src/printable.js';
import type { Environment } from '../../src/settings/option.js';
import { openPrinter, openStdout } from '../output.js';
import { openPager } from '../search/pager.js';
import { csvRow } from '../view/csv.js';
import type { FormatOptions } from '../view/record-format.js';
import type { PatternFormat } from './pattern-formats.js';
import { DEFAULT_LIMIT, type PatternPlan } from './pattern-options.js';
import { patternTable } from './pattern-table.js';
import { type SearchCommandContext, searchCommandOf } from './search-command.js';

export interface Shown extends Pick<FormatOptions, 'color' | 'columns' | 'timeZone' | 'isTerminal'> {
  readonly name: PatternFormat;
  readonly plan: PatternPlan;
  readonly context: SearchCommandContext;
}

/**
 * @param environment undefined: without a pager.
 * @returns whether everything was read.
 */
export async function printPatterns(
  { patterns, reading: { records } }: Patterns,
  { name, plan, context, isTerminal, columns, ...format }: Shown,
  environment: Environment | undefined,
): Promise<boolean> {
  const shown = patterns.slice(0, plan.limit ?? DEFAULT_LIMIT);
  const commandOf = (pattern: MessagePattern) => searchCommandOf(pattern, context);
  if (name !== 'pretty') {
    return printRows(
      shown.map((pattern) => ({ ...rowOf(pattern, records), command: commandOf(pattern) })),
      name,
      isTerminal,
    );
  }
  const table = { ...format, columns: columns?.(), records, commandOf: plan.commands ? commandOf : undefined };
  const isPaged = plan.pager && shown.length > 0 && environment !== undefined;
  const pager = isPaged ? await openPager(environment, false) : undefined;
  const isRead = await openPrinter(pager?.stream ?? openStdout()).write(patternTable(shown, table));
  await pager?.end();
  return isRead;
}

type Row = Record<string, string | number>;

function rowOf({ shape, count, level, service, first, last, pattern, query }: MessagePattern, records: number): Row {
  return { count, share: Number((count / records).toPrecision(4)), level, service, first, last, shape, pattern, query };
}

async function printRows(rows: readonly Row[], format: ProgramFormat, isTerminal: boolean): Promise<boolean> {
  const printer = openPrinter();
  const safe = (text: string) => (isTerminal ? printableLines(text) : text);
  for (const line of linesOf(rows, format)) if (!(await printer.line(safe(line)))) return false;
  return true;
}

type ProgramFormat = Exclude<PatternFormat, 'pretty'>;

const COLUMNS = ['count', 'share', 'level', 'service', 'first', 'last', 'shape', 'pattern', 'query', 'command'];

function linesOf(rows: readonly Row[], format: ProgramFormat): string[] {
  const objects = rows.map((row) => printableJson(JSON.stringify(row)));
  switch (format) {
    case 'ndjson':
      return objects;
    case 'json':
      return ['[', ...(objects.length === 0 ? [] : [objects.join(',\n')]), ']'];
    case 'csv':
      return [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => String(row[column])))].map(csvRow);
  }
}
