/** A question on the terminal that is answered with yes or no. */
import { createInterface } from 'node:readline';
import { LoghiveError } from '../src/errors.js';

/** Resolves with whether the answer is yes. */
export type Ask = (question: string) => Promise<boolean>;

interface Terminal {
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { isTTY?: boolean };
}

/**
 * Who answers: `--yes`, or a person at the terminal. Undefined where there is neither. The question goes to stderr: stdout
 * may be read by a program.
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
      // The end of the input and Ctrl-C are no.
      lines.once('close', () => resolve(false));
      lines.question(`${question} [y/N] `, (answer) => {
        resolve(/^y(es)?$/i.test(answer.trim()));
        lines.close();
      });
    });
}

// Whether somebody agrees to what cannot be undone.

/**
 * @param question for the terminal; it says what is deleted.
 * @param yes confirmOrThrow to by `--yes`.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION where there is neither `--yes` nor a terminal to ask on.
 */
export async function confirmOrThrow(owner: string, question: string, yes: boolean): Promise<boolean> {
  const ask = confirmation({ yes });
  if (ask) return ask(question);
  throw new LoghiveError('LOGHIVE_INVALID_OPTION', `${owner}: ${question} Nobody can be asked here: give option --yes`);
}
