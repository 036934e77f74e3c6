/** The row of a record that is bytes still: they are copied, never made texts. Pure. */
import { type CanonicalRecord, ID_BYTES, TIMESTAMP_BYTES } from '../../src/record.js';

const TAB = 0x09;
const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/** How many bytes the row takes at most. */
export function mostRowBytes(record: CanonicalRecord, names: Buffer): number {
  const texts = record.messageEnd - record.messageStart + record.informationEnd - record.informationStart;
  return ID_BYTES + TIMESTAMP_BYTES + names.length + 2 * texts + 3;
}

/**
 * @param names service and level as they stand in the row, with the tabs around them.
 * @returns where the row ends.
 */
export function writeRow(out: Buffer, start: number, record: CanonicalRecord, names: Buffer): number {
  const { body, idStart, timestampStart, messageStart, messageEnd, informationStart, informationEnd } = record;
  let at = start;
  for (let from = idStart; from < idStart + ID_BYTES; from++) out[at++] = body[from]!;
  out[at++] = TAB;
  for (let from = timestampStart; from < timestampStart + TIMESTAMP_BYTES; from++) out[at++] = body[from]!;
  for (let from = 0; from < names.length; from++) out[at++] = names[from]!;
  for (let from = messageStart; from < messageEnd; from++) {
    const byte = body[from]!;
    if (byte !== BACKSLASH) {
      out[at++] = byte;
      continue;
    }
    // What JSON escapes by \\ \b \f \n \r and \t, COPY escapes in the same way; a quote and a slash it does not know.
    const escaped = body[++from]!;
    if (escaped !== QUOTE && escaped !== SLASH) out[at++] = BACKSLASH;
    out[at++] = escaped;
  }
  out[at++] = TAB;
  for (let from = informationStart; from < informationEnd; from++) {
    const byte = body[from]!;
    if (byte === BACKSLASH) out[at++] = BACKSLASH;
    out[at++] = byte;
  }
  out[at++] = LINE_FEED;
  return at;
}
