/** Writes a reply in the form that the script of a shell reads: a line that says what follows, then the lines. Pure. */
import { columns } from '../columns.js';
import type { Candidate } from './candidate.js';
import type { Reply } from './candidates.js';
import { bashContinuation, type CurrentWord, type OpenQuote, type Shell } from './shell-line.js';

export interface ReplyOptions {
  readonly current: CurrentWord;
  /** Only a list is shown, nothing is inserted (bash: COMP_TYPE 63). */
  readonly isListing: boolean;
}

export function shellReply(shell: Shell, reply: Reply, options: ReplyOptions): string {
  if (reply.type !== 'candidates') return `${reply.type}\n`;
  const lines = LINES[shell](reply.candidates, options);
  return ['candidates', ...lines, ''].join('\n');
}

const LINES: Readonly<Record<Shell, (candidates: readonly Candidate[], options: ReplyOptions) => string[]>> = {
  bash: bashLines,
  // The word, whether it is open, and the text to show. zsh quotes the word.
  zsh(candidates) {
    const shown = columns(
      candidates.map((each) => [shownText(each), ...(each.description ? [`-- ${each.description}`] : [])]),
    );
    return candidates.map(({ word, isOpen }, at) => [word, isOpen ? 'open' : 'whole', shown[at]].join('\t'));
  },
  // fish quotes the word, and adds no space after ':' and '='.
  fish: (candidates) => candidates.map(({ word, description = '' }) => `${word}\t${description}`),
};

/**
 * Text to insert. readline replaces what is typed after the open quote, or after the last of its word breaks, without
 * changing it, and closes the quote.
 */
function bashLines(candidates: readonly Candidate[], { current, isListing }: ReplyOptions): string[] {
  if (isListing) return candidates.map(shownText);
  const { text, raw, quote, breakAt } = current;
  const typed = raw.slice(breakAt);
  const lines = candidates.flatMap(({ word, isOpen = false }) => {
    const rest = bashContinuation(word.slice(text.length), quote);
    return rest === undefined ? [] : [`${typed}${rest}${isOpen ? '' : endOf(rest, quote)}`];
  });
  // readline closes the quote after the only candidate. Of two, it inserts what they have in common.
  if (quote !== undefined && candidates.length === 1 && candidates[0]!.isOpen)
    lines.push(...lines.map((line) => `${line}*`));
  return lines;
}

/** readline closes no quote after a quote that is part of the word. */
function endOf(rest: string, quote: OpenQuote): string {
  if (quote === undefined) return ' ';
  return rest.endsWith(quote) ? quote : '';
}

function shownText({ word, shown = word }: Candidate): string {
  return shown;
}
