/** The text of a file of records. Pure. */
import type { StoredRecord } from '../../src/record.js';
import { createFormat, wireJson } from '../view/record-format.js';
import type { RecordFormatName } from './file-kind.js';

export interface RecordText {
  readonly begin: string;
  record(record: StoredRecord): string;
}

/**
 * `ndjson` has the records as they are published, so that other programs that read those can read these. `csv` has the
 * columns of the table.
 *
 * @param isTerminal show control characters instead of writing them.
 */
export function recordText(format: RecordFormatName, isTerminal: boolean): RecordText {
  if (format === 'ndjson') return { begin: '', record: (record) => `${wireJson(record)}\n` };
  const csv = createFormat({ name: 'csv', color: false, isTerminal, isEndless: false, timeZone: 'UTC' });
  return { begin: csv.begin(), record: (record) => csv.record(record) };
}
