/** `loghive dead-letters list`: the newest first, a line each. */
import type { Administration, DeadLetterFilter, DeadLetterSummary } from '../../consumer/store/index.js';
import { printableLine } from '../../src/printable.js';
import { columns, secondsText, sizeText } from '../columns.js';
import { openPrinter } from '../print.js';
import type { OutputFormat } from '../subcommand.js';

const PAGE = 500;
const MOST_REASON_CHARACTERS = 100;

export async function listLetters(
  { letters }: Administration,
  filter: DeadLetterFilter,
  { output, limit }: { output: OutputFormat; limit: number },
): Promise<void> {
  const printer = openPrinter();
  let before: string | undefined;
  // One more than is shown on a terminal tells whether there are more.
  let left = output === 'text' ? limit + 1 : limit;
  const rows: string[][] = [];
  while (left > 0) {
    const page = await letters.list(filter, before, Math.min(PAGE, left));
    left -= page.length;
    before = page.at(-1)?.id;
    if (output === 'text') rows.push(...page.map(cells));
    else for (const letter of page) if (!(await printer.json(letter))) return;
    if (page.length < PAGE) break;
  }
  if (output === 'json') return;
  if (rows.length === 0) {
    await printer.line('no dead letters.');
    return;
  }
  const head = ['ID', 'LAST SEEN (UTC)', 'SEEN', 'QUEUE', 'CODE', 'SIZE', 'REASON'];
  for (const line of columns([head, ...rows.slice(0, limit)], new Set([0, 2, 5]))) {
    if (!(await printer.line(line))) return;
  }
  if (rows.length > limit) await printer.line(`… the newest ${limit} of them; --limit shows more.`);
}

function cells({ id, lastSeen, seen, queue, code, bytes, reason }: DeadLetterSummary): string[] {
  const words = printableLine(reason);
  const shown = words.length > MOST_REASON_CHARACTERS ? `${words.slice(0, MOST_REASON_CHARACTERS)}…` : words;
  return [id, secondsText(lastSeen), String(seen), printableLine(queue), printableLine(code), sizeText(bytes), shown];
}
