/** `loghive dead-letters drop`: deletes dead letters permanently. */
import type { Administration, DeadLetterFilter } from '../../consumer/store/index.js';
import { printableLine } from '../../src/printable.js';
import { counted } from '../../src/sentence.js';
import { columns } from '../columns.js';
import { confirmOrThrow } from '../confirmation.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../output.js';
import { openProgress } from '../progress.js';
import type { OutputFormat } from '../subcommand.js';

/** @throws LoghiveError LOGHIVE_INVALID_OPTION if confirmation is needed and there is no terminal. */
export async function dropLetters(
  { letters }: Administration,
  filter: DeadLetterFilter,
  { output, yes }: { output: OutputFormat; yes: boolean },
  messages: Messages,
): Promise<void> {
  const { letters: count, newest } = await letters.total(filter);
  const printer = openPrinter();
  let deleted = 0;
  if (newest !== undefined) {
    const question = `Delete ${counted(count, 'dead letter')} permanently?`;
    if (!(await confirmOrThrow('dead-letters drop', question, yes))) {
      await printer.line('nothing deleted.');
      return;
    }
    const progress = openProgress('deleting', count, messages);
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const page: { after: string | undefined; content: number } = await letters.drop(filter, { after, newest });
      deleted += page.content;
      progress.at(deleted);
      after = page.after;
    }
    progress.end();
  }
  if (output === 'json') await printer.json({ deleted });
  else await printer.line(`${counted(deleted, 'dead letter')} deleted.`);
}

// `--dry-run` of `replay` and `drop`: shows what would be done.

/** @param done for example `replayed`. */
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
  await printer.line(`${counted(total.letters, 'dead letter')} would be ${done}. Nothing changed.`);
}
