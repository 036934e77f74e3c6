/** Reads the records of a file. */
import { MAX_MESSAGE_BYTES } from '../../consumer/content.js';
import type { StoreItem } from '../../consumer/store/index.js';
import type { DecodeContext } from '../../src/record.js';
import type { RecordInput } from './open-input.js';
import { createRowParser } from './parse-row.js';
import { createRowSplitter, type Row } from './record-rows.js';

export interface ReadRecord {
  /** Of its first line, from 1. */
  readonly line: number;
  /** Why it cannot be stored, as a text. */
  readonly parsed: StoreItem | string;
}

/**
 * Yields the records of each piece that is read.
 *
 * @throws LoghiveError LOGHIVE_FILE_UNUSABLE, also behind records that are fine.
 */
export async function* readRecords(
  { name, content }: RecordInput,
  context: DecodeContext,
  signal: AbortSignal,
): AsyncGenerator<readonly ReadRecord[], void, undefined> {
  const { format, chunks } = await content(signal);
  const rows = createRowSplitter(MAX_MESSAGE_BYTES, format === 'csv');
  const parse = createRowParser(name, format, context);

  const parsedRow = ({ line, bytes }: Row): readonly ReadRecord[] => {
    const parsed = bytes === undefined ? TOO_LONG : parse(bytes);
    return parsed === undefined ? [] : [{ line, parsed }];
  };

  for await (const chunk of chunks) yield rows.push(chunk).flatMap(parsedRow);
  yield rows.end().flatMap(parsedRow);
}

const TOO_LONG = `it is longer than ${MAX_MESSAGE_BYTES} bytes, which is the limit for parsing`;
