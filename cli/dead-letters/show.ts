/** `loghive dead-letters show ID`: prints everything known about one dead letter, including its bytes. */
import type { Administration, DeadLetterFilter, StoredDeadLetter } from '../../consumer/store/index.js';
import { LoghiveError } from '../../src/errors.js';
import { printableJson, printableLine } from '../../src/printable.js';
import { counted } from '../../src/sentence.js';
import { columns } from '../columns.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../output.js';
import { openProgress } from '../progress.js';
import { readableBytes, textOf } from '../raw-bytes.js';
import type { OutputFormat } from '../subcommand.js';

export async function showLetter(
  { letters }: Administration,
  id: string,
  { output }: { output: OutputFormat },
): Promise<void> {
  const letter = await letters.get(id);
  if (letter === undefined) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `there is no dead letter ${id}; run "loghive dead-letters list" to see all`,
    );
  }
  const printer = openPrinter();
  if (output === 'json') {
    await printer.json(exported(letter));
    return;
  }
  const { kind, lines, left } = readableBytes(letter.raw);
  const description = `${counted(letter.bytes, 'byte')}, ${kind === 'text' ? 'UTF-8' : 'not UTF-8'}`;
  const rest = left === 0 ? [] : [`… ${counted(left, 'more byte')}: loghive dead-letters export --id ${id}`];
  for (const line of [
    ...columns(facts(letter)),
    `raw (${description}):`,
    ...lines.map((each) => `    ${each}`),
    ...rest,
  ]) {
    if (!(await printer.line(line))) return;
  }
}

/** The dead letter as `export` writes it. */
export function exported({ raw, bytes: _, ...letter }: StoredDeadLetter): Record<string, unknown> {
  return { ...letter, raw: raw.toString('base64'), text: textOf(raw) };
}

function facts(letter: StoredDeadLetter): string[][] {
  const optional = (name: string, value: string | null) => (value === null ? [] : [[name, printableLine(value)]]);
  return [
    ['dead letter', letter.id],
    ['reason', printableLine(letter.reason)],
    ['code', printableLine(letter.code)],
    ...optional('service', letter.service),
    ...optional('level', letter.level),
    ...optional('record', letter.recordId),
    ['attempts', String(letter.attempts)],
    ['queue', printableLine(letter.queue)],
    ['routing key', printableLine(letter.routingKey)],
    ['headers', printableJson(JSON.stringify(letter.headers))],
    ['first seen', letter.firstSeen],
    ['last seen', letter.lastSeen],
    ['seen', counted(letter.seen, 'time')],
  ];
}

// `loghive dead-letters export`: all selected dead letters as JSON, one per line, oldest first.

export async function exportLetters(
  { letters }: Administration,
  filter: DeadLetterFilter,
  messages: Messages,
): Promise<void> {
  const { letters: count, newest } = await letters.total(filter);
  if (newest === undefined) return;
  const printer = openPrinter();
  // A progress bar would mix with output on the same terminal.
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
