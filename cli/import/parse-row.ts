/** Parses a row of a file into a record to store. Pure except for its context. */
import { isUtf8 } from 'node:buffer';
import { parseRecord } from '../../consumer/parse-record.js';
import type { StoreItem } from '../../consumer/store/index.js';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import type { DecodeContext } from '../../src/record.js';
import { isCanonicalTimestamp } from '../../src/time/timestamp.js';
import { memberTexts } from '../../src/value/json-members.js';
import type { RecordFormatName } from '../export/file-kind.js';
import { parseCsvRow } from './csv-row.js';

/** @returns the item; why the row cannot be stored; undefined if it is not a record (the header of csv). */
export type ParseRow = (row: Buffer) => StoreItem | string | undefined;

/** @param file for messages. The parser throws LoghiveError LOGHIVE_FILE_UNUSABLE if csv has no header. */
export function createRowParser(file: string, format: RecordFormatName, context: DecodeContext): ParseRow {
  const parse = (json: Buffer) => parseRecord(json, 0, json.length, true, context);
  if (format === 'ndjson') return (row) => (isUtf8(row) ? parse(asPublished(row)) : NOT_UTF8);
  let header: readonly string[] | undefined;
  return (row) => {
    if (!isUtf8(row)) return NOT_UTF8;
    const cells = parseCsvRow(row.toString());
    if (typeof cells === 'string') return cells;
    if (header === undefined) {
      header = headerOf(file, cells);
      return undefined;
    }
    const json = recordOfCells(header, cells);
    return json.ok ? parse(Buffer.from(json.text)) : json.reason;
  };
}

function headerOf(file: string, cells: readonly string[]): readonly string[] {
  const missing = ['service', 'level'].filter((name) => !cells.includes(name));
  if (missing.length === 0) return cells;
  throw new LoghiveError(
    'LOGHIVE_FILE_UNUSABLE',
    `the first row of ${file} names no column ${missing.join(' and ')}. It must be the header that "loghive export" writes: id,ts,service,level,message,information`,
  );
}

const NOT_UTF8 = 'it is not valid UTF-8';

/** The end of a line of `loghive search -o ndjson`, which has the columns of the table. */
const COLUMN_TIME = /,"ts":"([^"\\]{27})"\}$/;

/** The line as it is published, where the time is called `timestamp`. */
function asPublished(row: Buffer): Buffer {
  const end = row.toString('latin1', Math.max(0, row.length - 40));
  const time = COLUMN_TIME.exec(end)?.[1];
  if (time === undefined || !isCanonicalTimestamp(time)) return row;
  const text = row.toString();
  try {
    JSON.parse(text);
    const names = memberTexts(text);
    if (!names.has('ts') || names.has('timestamp')) return row;
  } catch {
    return row;
  }
  return Buffer.from(text.replace(COLUMN_TIME, ',"timestamp":"$1"}'));
}

type RecordJson = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

/** The members of a record in the order in which they are published, which is parsed fastest. */
const COLUMNS = ['id', 'service', 'level', 'message', 'information', 'timestamp'] as const;

/** The record as JSON. Columns that the table does not have become fields of `information`, as with published records. */
function recordOfCells(header: readonly string[], cells: readonly string[]): RecordJson {
  if (cells.length !== header.length) {
    return { ok: false, reason: `it has ${cells.length} cells, but the header has ${header.length}` };
  }
  const values = new Map(header.map((name, at) => [name === 'ts' ? 'timestamp' : name, cells[at]!]));
  const information = values.get('information');
  if (information) {
    try {
      JSON.parse(information);
    } catch (error) {
      return { ok: false, reason: `its information is not JSON: ${reasonOf(error)}` };
    }
  }
  const names = [...COLUMNS.filter((name) => values.has(name)), ...[...values.keys()].filter(isOther)];
  const members = names.flatMap((name) => {
    const value = values.get(name)!;
    if (value === '' && name !== 'message') return [];
    return `${JSON.stringify(name)}:${name === 'information' ? value : JSON.stringify(value)}`;
  });
  return { ok: true, text: `{${members.join()}}` };
}

function isOther(name: string): boolean {
  return !(COLUMNS as readonly string[]).includes(name);
}
