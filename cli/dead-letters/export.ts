/** `loghive dead-letters export`: all of them as JSON, one a line, the oldest first. */
import type { Administration, DeadLetterFilter } from '../../consumer/store/index.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../print.js';
import { openProgress } from '../progress.js';
import { exported } from './show.js';

export async function exportLetters(
  { letters }: Administration,
  filter: DeadLetterFilter,
  messages: Messages,
): Promise<void> {
  const { letters: count, newest } = await letters.total(filter);
  if (newest === undefined) return;
  const printer = openPrinter();
  // Two that write to the same terminal would write into each other's lines.
  const progress = openProgress('exporting', process.stdout.isTTY ? 0 : count, messages);
  let done = 0;
  try {
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const page: Awaited<ReturnType<typeof letters.read>> = await letters.read(filter, { after, newest });
      for (const letter of page.content) if (!(await printer.json(exported(letter)))) return;
      done += page.content.length;
      progress.at(done);
      after = page.after;
    }
  } finally {
    progress.end();
  }
}
