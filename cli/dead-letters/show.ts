/** `loghive dead-letters show ID`: all that is known of one, and its bytes. */
import type { Administration, StoredDeadLetter } from '../../consumer/store/index.js';
import { LoghiveError } from '../../src/errors.js';
import { printableJson, printableLine } from '../../src/printable.js';
import { counted } from '../../src/sentence.js';
import { columns } from '../columns.js';
import { openPrinter } from '../print.js';
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
      `there is no dead letter ${id}; "loghive dead-letters list" shows those there are`,
    );
  }
  const printer = openPrinter();
  if (output === 'json') {
    await printer.json(exported(letter));
    return;
  }
  const { kind, lines, left } = readableBytes(letter.raw);
  const told = `${counted(letter.bytes, 'byte')}, ${kind === 'text' ? 'UTF-8' : 'no UTF-8'}`;
  const rest = left === 0 ? [] : [`… ${counted(left, 'more byte')}: loghive dead-letters export --id ${id}`];
  for (const line of [...columns(facts(letter)), `raw (${told}):`, ...lines.map((each) => `    ${each}`), ...rest]) {
    if (!(await printer.line(line))) return;
  }
}

/** As `export` writes it. */
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
