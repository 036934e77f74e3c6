/**
 * The baseline of `drain`: one COPY of all rows by pg-copy-streams. The rows are formatted in the first round, which
 * is a warm-up, and kept in memory.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { COPY_COLUMNS, copyText } from '../../dist/esm/consumer/store/copy-text.js';
import { decodeRecord } from '../../dist/esm/src/record.js';
import { encodedLines, mixedLevel } from '../records.mjs';
import { serve, timed } from './serve.mjs';

const PIECE_BYTES = 64 * 1024;
const [schema] = process.argv.slice(2);

const client = new pg.Client({ connectionString: process.env.LOGHIVE_DATABASE_URL });
await client.connect();
let pieces = [];
let prepared = 0;

function rowsInPieces(records) {
  const rows = encodedLines(records, mixedLevel).map((line) => decodeRecord(line, {}).record);
  const text = Buffer.concat([...copyText(rows)]);
  const count = Math.ceil(text.length / PIECE_BYTES);
  return Array.from({ length: count }, (_, n) => text.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES));
}

serve(async (records) => {
  if (prepared !== records) {
    pieces = rowsInPieces(records);
    prepared = records;
  }
  const rows = copyFrom(`copy ${schema}.records (${COPY_COLUMNS}) from stdin`);
  return { seconds: await timed(() => pipeline(Readable.from(pieces), client.query(rows))) };
});
