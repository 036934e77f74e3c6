/** Whether somebody agrees to what cannot be undone. */
import { LoghiveError } from '../src/errors.js';
import { confirmation } from './embedded/confirmation.js';

/**
 * @param question for the terminal; it says what is deleted.
 * @param yes agreed to by `--yes`.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION where there is neither `--yes` nor a terminal to ask on.
 */
export async function agreed(owner: string, question: string, yes: boolean): Promise<boolean> {
  const ask = confirmation({ yes });
  if (ask) return ask(question);
  throw new LoghiveError('LOGHIVE_INVALID_OPTION', `${owner}: ${question} Nobody can be asked here: give option --yes`);
}
