/**
 * `loghive __complete`: reads a command line up to the cursor from stdin, and prints what can follow. A prompt is waiting
 * for it, so it ends soon, prints no errors, and exits with 0.
 */
import type { Command } from 'commander';
import { sendInternalLinesTo } from '../../src/internal-logger.js';
import { within } from '../../src/time/time-limit.js';
import { replyFor } from './candidates.js';
import { knownNames } from './known-names.js';
import { cursorIn } from './position.js';
import { parseShellLine, type Shell } from './shell-line.js';
import { shellReply } from './shell-reply.js';

export interface CompleteOptions {
  /** Characters at which the shell begins a new word (COMP_WORDBREAKS). */
  readonly breaks?: string;
  /** COMP_TYPE of bash. */
  readonly type?: string;
  readonly databaseLimitMs: string;
}

/** For all but the database, in milliseconds. */
const LIMIT_MS = 800;
/** COMP_TYPE after a second Tab, when the candidates are only listed. */
const LISTING = '63';

export async function completeLine(root: Command, shell: Shell, options: CompleteOptions): Promise<void> {
  sendInternalLinesTo(() => {});
  // Node prints its warnings by this listener.
  process.removeAllListeners('warning');
  const work = async () => {
    const reply = await answer(root, shell, await standardInput(), options);
    await new Promise<void>((resolve) => process.stdout.write(reply, () => resolve()));
  };
  // Without an answer, the shell completes nothing.
  await within(LIMIT_MS + Number(options.databaseLimitMs), work());
  // A connection may still be opening or closing.
  process.exit(0);
}

async function answer(
  root: Command,
  shell: Shell,
  line: string,
  { breaks, type, databaseLimitMs }: CompleteOptions,
): Promise<string> {
  const parsed = parseShellLine(shell, line, breaks);
  if (parsed === undefined) return '';
  const { words, current } = parsed;
  const { position, given } = cursorIn(root, words, current.text);
  const names = knownNames({
    databaseUrl: given.get('--database-url'),
    schema: given.get('--schema'),
    config: given.get('--config'),
    limitMs: Number(databaseLimitMs),
  });
  const reply = await replyFor(position, current.text, names);
  return shellReply(shell, reply, { current, isListing: type === LISTING });
}

async function standardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
  return text;
}
