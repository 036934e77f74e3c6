/** Yes/no confirmation on the terminal. */
import { createInterface } from 'node:readline';
import { LoghiveError } from '../src/errors.js';

/** Resolves to true if the answer is yes. */
export type Ask = (question: string) => Promise<boolean>;

interface Terminal {
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { isTTY?: boolean };
}

/**
 * Returns a function that asks the person at the terminal, or one that always answers yes if `yes` is set. Undefined if
 * there is no terminal to ask on. The question is written to stderr, because a program may read stdout.
 */
export function confirmation(
  { yes }: { yes: boolean },
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Ask | undefined {
  if (yes) return async () => true;
  if (!input.isTTY || !output.isTTY) return undefined;
  return (question) =>
    new Promise((resolve) => {
      const lines = createInterface({ input, output });
      // End of input and Ctrl-C count as no.
      lines.once('close', () => resolve(false));
      lines.question(`${question} [y/N] `, (answer) => {
        resolve(/^y(es)?$/i.test(answer.trim()));
        lines.close();
      });
    });
}

/**
 * Asks for confirmation before an irreversible action.
 *
 * @param question says what will be deleted.
 * @param yes true if `--yes` was given: do not ask.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if there is neither `--yes` nor a terminal.
 */
export async function confirmOrThrow(owner: string, question: string, yes: boolean): Promise<boolean> {
  const ask = confirmation({ yes });
  if (ask) return ask(question);
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `${owner}: ${question} Confirmation needs a terminal; pass --yes to skip it`,
  );
}
