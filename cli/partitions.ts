/** `loghive partitions`: lists days with their row counts and sizes. */
import type { Command } from 'commander';
import type { PartitionSize } from '../consumer/store/index.js';
import { printableLine } from '../src/printable.js';
import { columns, sizeText } from './columns.js';
import { openPrinter } from './output.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputFormat,
  subcommand,
  withAdministration,
} from './subcommand.js';

interface PartitionsOptions extends DatabaseOptions {
  exact?: boolean;
  output: OutputFormat;
}

export function partitionsCommand(root: Command): void {
  addOutputOption(addDatabaseOptions(subcommand(root, 'partitions', ['loghive partitions --exact'])))
    .summary('list the partitions of the records table')
    .description(
      "List the partitions of the records table with their days, row counts and sizes. Row counts are PostgreSQL's estimates unless --exact is given.",
    )
    .option('--exact', 'count the rows exactly (reads every row)')
    .action(partitions);
}

async function partitions({ exact = false, output, ...options }: PartitionsOptions): Promise<void> {
  const found = await withAdministration('partitions', options, (tables) => tables.partitions(exact));
  const printer = openPrinter();
  if (output === 'json') {
    for (const each of found) if (!(await printer.json(asJson(each, exact)))) return;
    return;
  }
  const sum = (of: (each: PartitionSize) => number) => found.reduce((total, each) => total + of(each), 0);
  const rows = [
    ['DAYS (UTC)', exact ? 'ROWS' : 'ROWS (ABOUT)', 'SIZE', 'PARTITION'],
    ...found.map((each) => [days(each), String(each.rows), sizeText(each.bytes), printableLine(each.name)]),
    ['all', String(sum(({ rows }) => rows)), sizeText(sum(({ bytes }) => bytes)), ''],
  ];
  for (const line of columns(rows, new Set([1, 2]))) if (!(await printer.line(line))) return;
}

function asJson({ from, to, isDefault, ...size }: PartitionSize, exact: boolean) {
  return { ...size, default: isDefault, from: timeOf(from), to: timeOf(to), exact };
}

function timeOf(epochS: number): string | null {
  return Number.isFinite(epochS) ? new Date(epochS * 1000).toISOString() : null;
}

const DAY_S = 86_400;

/** `2026-01-31`, `2026-01-01 to 2026-01-31`, `before 2026-01-01`, `others`. Pure. */
function days({ from, to, isDefault }: PartitionSize): string {
  if (isDefault) return 'others';
  const [first, end] = [timeOf(from), timeOf(to)];
  if (first === null) return end === null ? 'all' : `before ${whenOf(end)}`;
  if (end === null) return `from ${whenOf(first)}`;
  if (from % DAY_S !== 0 || to % DAY_S !== 0) return `${first} to ${end}`;
  return to - from === DAY_S ? whenOf(first) : `${whenOf(first)} to ${whenOf(timeOf(to - DAY_S)!)}`;
}

function whenOf(time: string): string {
  return time.endsWith('T00:00:00.000Z') ? time.slice(0, 10) : time;
}
