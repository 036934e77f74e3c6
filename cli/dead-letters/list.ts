/** `loghive dead-letters list`: newest first, one per line. */
import type { Administration, DeadLetterFilter, DeadLetterSummary } from '../../consumer/store/index.js';
import { printableLine } from '../../src/printable.js';
import { columns, secondsText, sizeText } from '../columns.js';
import { openPrinter } from '../output.js';
import type { OutputFormat } from '../subcommand.js';

const PAGE = 500;
const MAX_REASON_CHARACTERS = 100;

export async function listLetters(
  { letters }: Administration,
  filter: DeadLetterFilter,
  { output, limit }: { output: OutputFormat; limit: number },
): Promise<void> {
  const printer = openPrinter();
  let before: string | undefined;
  // Fetch one more than is shown, to know whether there are more.
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
  if (rows.length > limit) await printer.line(`… only the newest ${limit} are shown; use --limit for more.`);
}

function cells({ id, lastSeen, seen, queue, code, bytes, reason }: DeadLetterSummary): string[] {
  const words = printableLine(reason);
  const shown = words.length > MAX_REASON_CHARACTERS ? `${words.slice(0, MAX_REASON_CHARACTERS)}…` : words;
  return [id, secondsText(lastSeen), String(seen), printableLine(queue), printableLine(code), sizeText(bytes), shown];
}
