import { expect, test } from 'vitest';
import { fileKind } from '../../../cli/export/file-kind.js';

test.each([
  ['logs.ndjson', 'ndjson', 'none'],
  ['logs.jsonl', 'ndjson', 'none'],
  ['logs.csv', 'csv', 'none'],
  ['LOGS.CSV.GZ', 'csv', 'gzip'],
  ['/backup/2026.01/shop.ndjson.zst', 'ndjson', 'zstd'],
  ['C:\\logs\\shop.csv', 'csv', 'none'],
  ['logs', undefined, 'none'],
  ['logs.gz', undefined, 'gzip'],
  ['logs.ndjson/part', undefined, 'none'],
  ['csv', undefined, 'none'],
  ['logs.toString', undefined, 'none'],
])('%s is %s, compression %s', (name, format, compression) => {
  expect(fileKind(name)).toEqual({ format, compression });
});
