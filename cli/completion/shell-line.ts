/** Command lines as they are typed in a shell, up to the cursor. Nothing in them is executed or expanded. Pure. */

export type Shell = 'bash' | 'zsh' | 'fish';

/** A quote that is still open at the cursor. */
export type OpenQuote = "'" | '"' | undefined;

export interface ShellLine {
  /** Complete words after the name of the command, without quotes. */
  readonly words: readonly string[];
  /** The word at the cursor; '' after a space. */
  readonly current: CurrentWord;
}

export interface CurrentWord {
  /** Without quotes. */
  readonly text: string;
  /** As typed. */
  readonly raw: string;
  readonly quote: OpenQuote;
  /** Index in `raw` after the open quote; else after the last of `breaks` that is not quoted, or 0. */
  readonly breakAt: number;
}

/**
 * @param breaks characters that begin a new word for completion (bash: COMP_WORDBREAKS).
 * @returns undefined at a place that is no argument, such as a file that output is redirected to.
 */
export function parseShellLine(shell: Shell, line: string, breaks = ''): ShellLine | undefined {
  const words: { text: string; isTarget: boolean }[] = [];
  let text = '';
  let start: number | undefined;
  let quote: OpenQuote;
  let breakAt = 0;
  let outerBreakAt = 0;
  let isTarget = false;
  const append = (at: number, part: string) => {
    start ??= at;
    text += part;
  };
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    const next = line[at + 1];
    if (quote !== undefined) {
      if (char === quote) {
        quote = undefined;
        breakAt = outerBreakAt;
      } else if (char === '\\' && next !== undefined && isEscapedInQuote(shell, quote, next)) append(at++, next);
      else text += char;
    } else if (char === '\\') {
      // A backslash before the cursor escapes what will be typed next.
      if (next === undefined) return undefined;
      if (next === '\n') at++;
      else append(at++, next);
    } else if (char === "'" || char === '"') {
      append(at, '');
      quote = char;
      outerBreakAt = breakAt;
      breakAt = at + 1;
    } else if (/[\s<>]/.test(char)) {
      if (start !== undefined) {
        words.push({ text, isTarget });
        isTarget = false;
      }
      text = '';
      start = undefined;
      if (char === '<' || char === '>') isTarget = true;
    } else {
      append(at, char);
      if (breaks.includes(char)) breakAt = at + 1;
    }
  }
  if (isTarget) return undefined;
  const from = start ?? line.length;
  const raw = line.slice(from);
  const typed = words.filter((word) => !word.isTarget).map((word) => word.text);
  // Before it, there may be `command`, `sudo`, or variables.
  const name = typed.findIndex((word) => /(?:^|\/)loghive$/.test(word));
  if (typed.length === 0) return undefined;
  return {
    words: typed.slice(Math.max(0, name) + 1),
    current: { text, raw, quote, breakAt: Math.max(0, breakAt - from) },
  };
}

function isEscapedInQuote(shell: Shell, quote: "'" | '"', next: string): boolean {
  if (quote === '"') return next === '"' || next === '\\' || next === '$' || (next === '`' && shell !== 'fish');
  return shell === 'fish' && (next === "'" || next === '\\');
}

/**
 * The text as it continues a word at the cursor in bash; undefined if it cannot be written there.
 *
 * @param text without control characters.
 */
export function bashContinuation(text: string, quote: OpenQuote): string | undefined {
  switch (quote) {
    case undefined:
      return text.replace(/[^\p{L}\p{N}_%+,:=@./^-]/gu, '\\$&');
    case "'":
      return text.replaceAll("'", "'\\''");
    case '"':
      // Where history expansion is on, a backslash before the exclamation mark would stay.
      return text.includes('!') ? undefined : text.replace(/["\\$`]/g, '\\$&');
  }
}
