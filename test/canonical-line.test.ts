import { isUtf8 } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { copyText } from '../consumer/store/copy-text.js';
import { canonicalRecord, decodeRecord, encodeRecord, type StoredRecord } from '../src/record.js';
import { LocalOffsets } from '../src/time/local-offset.js';
import { hostileValues } from './support/hostile-values.mjs';

const stamp = { id: '01993f0e-1111-7111-8111-000000000001', epochMicros: 1_769_855_445_123_456 };
const context = { newId: () => 'none', localOffsets: new LocalOffsets(() => {}) };

/** Both ways to decode a line; undefined for lines that are not parsed as bytes. */
function read(bytes: Buffer, before = ''): { fast: StoredRecord | undefined; slow: StoredRecord | undefined } {
  const body = Buffer.concat([Buffer.from(before), bytes, Buffer.from('\n{"id":"next"}')]);
  const start = Buffer.byteLength(before);
  const decoded = decodeRecord(bytes.toString(), context);
  return {
    fast: canonicalRecord(body, start, start + bytes.length),
    slow: decoded.ok ? decoded.record : undefined,
  };
}

function fieldsOf({ id, timestamp, service, level, message, information }: StoredRecord): StoredRecord {
  return { id, timestamp, service, level, message, information };
}

const rowOf = (record: StoredRecord) => Buffer.concat([...copyText([record])]).toString();

const line = (message: unknown, information: unknown = { order: 7 }, service = 'shop') =>
  Buffer.from(encodeRecord({ service, level: 'ERROR', message, information }, stamp, 1024 * 1024));

describe('a line from a producer of Loghive', () => {
  test('gives the same record and row as parsing', () => {
    const values = hostileValues.filter(
      ({ name }) => !/10 MB|a MB|300,000|million|hundred|doubles|at every key/.test(name),
    );
    let taken = 0;
    for (const { name, make } of values) {
      const { fast, slow } = read(line(`"${name}"\n\t\r\\ / 😀`, { field: make(), path: 'C:\\temp' }), 'first\n');
      if (!fast) continue;
      taken++;
      expect(fieldsOf(fast)).toEqual(slow);
      expect(rowOf(fast)).toBe(rowOf(slow!));
    }
    expect(taken).toBeGreaterThan(values.length / 2);
  });

  test('is decoded as bytes for all kinds of plain text', () => {
    for (const message of [
      '',
      'plain',
      'grün 日本 😀',
      'a "quoted" one',
      'two\nlines\tand \\ more',
      'x'.repeat(100_000),
    ]) {
      const { fast, slow } = read(line(message, { message }));
      expect(fast && fieldsOf(fast)).toEqual(slow);
      expect(rowOf(fast!)).toBe(rowOf(slow!));
    }
  });

  test('has the service of its own line, not that of the previous one', () => {
    for (const service of ['shop', 'shop-2', 'shop', 'sho', 'ünicode']) {
      expect(read(line('m', {}, service)).fast?.service).toBe(service);
    }
  });
});

describe('any other line', () => {
  const good = line('payment "failed"\n', { order: 7, list: [1, 'two', { three: null }] });

  test('is not accepted, or gives the same record as parsing', () => {
    let seed = 42;
    const below = (limit: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % limit;
    };
    const pieces = [
      '"',
      '\\',
      '{',
      '}',
      ',',
      ':',
      '[',
      ']',
      '\n',
      ' ',
      '0',
      '\\u0000',
      '","',
      '{}',
      '"x":1,',
      '\0',
      '😀',
    ];
    for (let round = 0; round < 20_000; round++) {
      const bytes = [...good];
      for (let change = 0; change <= below(3); change++) {
        const at = below(bytes.length);
        const piece = Buffer.from(pieces[below(pieces.length)]!);
        bytes.splice(at, below(3), ...(below(2) ? piece : []));
      }
      const changed = Buffer.from(bytes);
      if (!isUtf8(changed)) continue;
      const { fast, slow } = read(changed);
      if (fast) expect([changed.toString(), fieldsOf(fast)]).toEqual([changed.toString(), slow]);
    }
  });

  test('that ends too early is not accepted, whatever follows in the frame', () => {
    for (let end = 0; end < good.length; end++) expect(canonicalRecord(good, 0, end)).toBeUndefined();
    expect(canonicalRecord(good, 0, good.length)).toBeDefined();
  });

  test.each([
    ['with a blank service', good.toString().replace('"shop"', '" "')],
    ['with a level of another name', good.toString().replace('"ERROR"', '"FATAL"')],
    ['with an id in capitals', good.toString().replace('01993f0e', '01993F0E')],
    ['of the 30th of February', good.toString().replace('2026-01-31', '2026-02-30')],
    ['with white space', good.toString().replace('{"order"', '{ "order"')],
    ['with another member', good.toString().replace(',"timestamp"', ',"x":1,"timestamp"')],
  ])('%s is left alone', (_, text) => {
    const bytes = Buffer.from(text);
    expect(canonicalRecord(bytes, 0, bytes.length)).toBeUndefined();
  });
});
