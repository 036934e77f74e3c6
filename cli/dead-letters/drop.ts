/** `loghive dead-letters drop`: deletes them for good. */
import type { Administration, DeadLetterFilter } from '../../consumer/store/index.js';
import { counted } from '../../src/sentence.js';
import { agreed } from '../agreed.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../print.js';
import { openProgress } from '../progress.js';
import type { OutputFormat } from '../subcommand.js';

/** @throws LoghiveError LOGHIVE_INVALID_OPTION where nobody can be asked. */
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
    const question = `Delete ${counted(count, 'dead letter')} for good?`;
    if (!(await agreed('dead-letters drop', question, yes))) {
      await printer.line('nothing was deleted.');
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
