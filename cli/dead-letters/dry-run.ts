/** What would be done, and nothing of it is: for `replay` and `drop`. */
import type { Administration, DeadLetterFilter } from '../../consumer/store/index.js';
import { printableLine } from '../../src/printable.js';
import { counted } from '../../src/sentence.js';
import { columns } from '../columns.js';
import { openPrinter } from '../print.js';
import type { OutputFormat } from '../subcommand.js';

/** @param done `replayed` */
export async function dryRun(
  { letters }: Administration,
  filter: DeadLetterFilter,
  done: string,
  output: OutputFormat,
): Promise<void> {
  const printer = openPrinter();
  const [total, groups] = [await letters.total(filter), await letters.groups(filter)];
  if (output === 'json') {
    await printer.json({ dryRun: true, letters: total.letters, bytes: total.bytes, groups });
    return;
  }
  const rows = groups.map((group) => [String(group.letters), printableLine(group.queue), printableLine(group.code)]);
  if (rows.length > 0)
    for (const line of columns([['LETTERS', 'QUEUE', 'CODE'], ...rows], new Set([0]))) await printer.line(line);
  await printer.line(`${counted(total.letters, 'dead letter')} would be ${done}. Nothing was changed.`);
}
