/**
 * Rows in the text format of COPY. Pure.
 * Source: https://www.postgresql.org/docs/current/sql-copy.html (text format)
 */
import type { StoredRecord } from '../../src/record.js';

/** The columns in the order in which `copyText` writes them. */
export const COPY_COLUMNS = 'id, ts, service, level, message, information';

const SPECIAL = /[\\\t\n\r]/;
const EVERY_SPECIAL = /[\\\t\n\r]/g;
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** A backslash at the start of a row would otherwise end the data (`\.`), a tab the field, a line break the row. */
function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replace(EVERY_SPECIAL, (special) => ESCAPED[special]!) : text;
}

/**
 * One string for the whole batch and one conversion to bytes: many small conversions cost several times as much.
 *
 * @returns UTF-8 bytes, one line a record. NUL stays in: the server refuses that row, and it is isolated as a bad record.
 */
export function copyText(records: readonly StoredRecord[]): Buffer {
  let text = '';
  let service: string | undefined;
  let escapedService = '';
  for (const record of records) {
    // A batch is nearly always of one service.
    if (record.service !== service) {
      service = record.service;
      escapedService = escaped(service);
    }
    text += `${escaped(record.id)}\t${escaped(record.timestamp)}\t${escapedService}\t${record.level}\t${escaped(record.message)}\t${escaped(record.information)}\n`;
  }
  return Buffer.from(text);
}
