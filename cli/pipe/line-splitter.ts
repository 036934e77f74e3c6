/** Splits a byte stream into lines. Pure. */
import { StringDecoder } from 'node:string_decoder';

/** Longer lines are split, so that input without line breaks cannot exhaust memory. */
export const MAX_CHARACTERS = 16 * 1024 * 1024;

export interface LineSplitter {
  /** Returns the lines that end in this chunk. Invalid UTF-8 becomes U+FFFD. */
  push(bytes: Buffer): string[];
  /** Returns the last line, if any. */
  end(): string[];
}

export function createLineSplitter(maxCharacters = MAX_CHARACTERS): LineSplitter {
  const decoder = new StringDecoder('utf8');
  // Kept as a list: concatenating each chunk of a long line would take quadratic time.
  let open: string[] = [];
  let openCharacters = 0;

  function closed(): string {
    const line = open.join('');
    open = [];
    openCharacters = 0;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }

  function add(text: string): void {
    if (text === '') return;
    open.push(text);
    openCharacters += text.length;
  }

  function split(text: string): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
      add(text.slice(from, to));
      lines.push(closed());
      from = to + 1;
    }
    add(text.slice(from));
    if (openCharacters > maxCharacters) lines.push(closed());
    return lines;
  }

  return {
    push: (bytes) => split(decoder.write(bytes)),
    end() {
      const lines = split(decoder.end());
      return openCharacters > 0 ? [...lines, closed()] : lines;
    },
  };
}
