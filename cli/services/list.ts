/** `loghive services list`. */
import type { Administration } from '../../consumer/store/index.js';
import { printableLine } from '../../src/printable.js';
import { columns, secondsText } from '../columns.js';
import { openPrinter } from '../print.js';
import type { OutputFormat } from '../subcommand.js';

export async function listServices({ services }: Administration, { output }: { output: OutputFormat }): Promise<void> {
  const all = await services.all();
  const printer = openPrinter();
  if (output === 'json') {
    for (const each of all) if (!(await printer.json(each))) return;
    return;
  }
  if (all.length === 0) {
    await printer.line('no services. Producers announce theirs when they connect; "loghive services add" adds others.');
    return;
  }
  const rows = all.map((each) => [
    printableLine(each.service),
    secondsText(each.firstSeen),
    secondsText(each.lastSeen),
  ]);
  for (const line of columns([['SERVICE', 'FIRST SEEN (UTC)', 'LAST SEEN (UTC)'], ...rows])) {
    if (!(await printer.line(line))) return;
  }
}
