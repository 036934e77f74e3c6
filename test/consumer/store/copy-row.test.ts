/** Records that are stored as the bytes in which they were received. */
import { expect, test } from 'vitest';
import { deliveryOf } from '../../../consumer/delivery.js';
import { parseDelivery } from '../../../consumer/parse-delivery.js';
import { CanonicalRecord, encodeRecord } from '../../../src/record.js';
import { LocalOffsets } from '../../../src/time/local-offset.js';
import { uuidv7 } from '../../../src/uuid.js';
import { FRAME, messageOf } from '../message.js';
import { newStore, write } from './database.js';

const TEXTS = [
  '',
  'plain',
  'grün 日本 😀',
  'a "quoted" one',
  'two\nlines, a\ttab, a\r return, a \b and a \f',
  'C:\\temp\\new \\. \\N \\x41',
  '\\',
  '"',
  'https://example.com/a?b=c&d',
  '\u007f\u0080\u2028\ufeff',
  'x'.repeat(100_000),
  '\\"'.repeat(30_000),
];

test('records have the same values in the table as in the application', async () => {
  const micros = Date.now() * 1000;
  const lines = TEXTS.map((text, n) => {
    const stamp = { id: uuidv7(micros + n), epochMicros: micros + n };
    return encodeRecord(
      {
        service: 'shöp',
        level: 'ERROR',
        message: text,
        information: { n, text, [`key ${text.slice(0, 100)}`]: [text, { n }] },
      },
      stamp,
      1024 * 1024,
    );
  });
  const message = messageOf(lines.join('\n'), { contentType: FRAME });
  const context = { newId: () => 'none', localOffsets: new LocalOffsets(() => {}) };
  const { items } = parseDelivery(deliveryOf('shöp_error_logs', message), context);
  expect(items.filter(({ record }) => record instanceof CanonicalRecord)).toHaveLength(TEXTS.length);

  const { store, sql } = await newStore();
  expect(await write(store, items)).toEqual({ stored: TEXTS.length, duplicates: 0, rejected: [] });
  const rows =
    await sql(`select id, to_char(ts at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as timestamp, service,
    level, message, information from logs.records order by ts`);
  expect(rows).toEqual(lines.map((line) => JSON.parse(line)));
});
