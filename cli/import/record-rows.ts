/** Splits the bytes of a file into rows: lines, or rows of csv, whose quoted cells may have several lines. Pure. */

export interface Row {
  /** Of its first line, from 1. */
  readonly line: number;
  /** Without the line break. Undefined if it is longer than the limit. */
  readonly bytes: Buffer | undefined;
}

export interface RowSplitter {
  /** The rows that end in this chunk, without blank ones. */
  push(chunk: Buffer): Row[];
  /** The last row, if it has no line break. */
  end(): Row[];
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const QUOTE = 0x22;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** @param isQuoted line breaks in quotes do not end a row. */
export function createRowSplitter(maxBytes: number, isQuoted: boolean): RowSplitter {
  /** The row so far. As a list: joining each chunk of a long row would take quadratic time. */
  let open: Buffer[] = [];
  let openBytes = 0;
  let openLine = 1;
  let line = 1;
  let inQuotes = false;

  /** The position of the line break that ends the row. */
  function rowEnd(chunk: Buffer, from: number): number {
    if (!isQuoted) return chunk.indexOf(LINE_FEED, from);
    for (let at = from; at < chunk.length; at++) {
      if (chunk[at] === QUOTE) inQuotes = !inQuotes;
      else if (chunk[at] === LINE_FEED) {
        if (!inQuotes) return at;
        line += 1;
      }
    }
    return -1;
  }

  function add(bytes: Buffer): void {
    openBytes += bytes.length;
    if (openBytes <= maxBytes) open.push(bytes);
    else {
      open = [];
      // A quote that nothing closes must not swallow the rest of the file.
      inQuotes = false;
    }
  }

  function taken(): Row[] {
    const bytes = openBytes > maxBytes ? undefined : trimmed(open.length === 1 ? open[0]! : Buffer.concat(open));
    const row = { line: openLine, bytes };
    open = [];
    openBytes = 0;
    return bytes?.length === 0 ? [] : [row];
  }

  function trimmed(bytes: Buffer): Buffer {
    const start = openLine === 1 && bytes.indexOf(BYTE_ORDER_MARK) === 0 ? BYTE_ORDER_MARK.length : 0;
    const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
    return bytes.subarray(start, end);
  }

  return {
    push(chunk) {
      const rows: Row[] = [];
      let from = 0;
      for (let end = rowEnd(chunk, from); end !== -1; end = rowEnd(chunk, from)) {
        add(chunk.subarray(from, end));
        rows.push(...taken());
        from = end + 1;
        line += 1;
        openLine = line;
      }
      if (from < chunk.length) add(chunk.subarray(from));
      return rows;
    },
    end: () => (openBytes === 0 ? [] : taken()),
  };
}
