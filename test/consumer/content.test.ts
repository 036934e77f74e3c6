import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isCompressed, MAX_MESSAGE_BYTES, readContent } from '../../consumer/content.js';
import { messageOf, type Shape } from './message.js';

const read = (body: Buffer | string, shape: Shape = {}) => {
  const { content, properties } = messageOf(body, shape);
  return readContent(content, properties);
};
const textOf = (body: Buffer | string, shape: Shape = {}) => {
  const content = read(body, shape);
  if (!content.ok) expect.fail(content.reason);
  return content.body.toString();
};
const reasonOf = (body: Buffer | string, shape: Shape = {}) => {
  const content = read(body, shape);
  if (content.ok) expect.fail(`read as ${content.body}`);
  return content.reason;
};

describe('the content type', () => {
  test.each([
    'application/x-ndjson',
    'Application/X-NDJSON',
    'application/x-ndjson; charset=utf-8',
    'application/x-ndjson;charset="UTF-8"; profile=x',
    ' application/x-ndjson ; ',
    'application/ndjson',
    'application/jsonl',
    'application/x-jsonlines; charset=utf8',
    'text/x-ndjson',
  ])('%j says lines', (contentType) => {
    expect(read('{}', { contentType })).toMatchObject({ ok: true, isFrame: true });
  });

  test.each([
    'application/json',
    'Application/JSON; charset="utf-8"',
    'application/json-seq',
    'application/vnd.api+json',
    'text/plain',
    'application/x-ndjson-not',
    'json; application/x-ndjson',
    '',
    undefined,
    7,
    null,
    ['application/x-ndjson'],
  ])('%j says one record', (contentType) => {
    expect(read('{}', { contentType })).toMatchObject({ ok: true, isFrame: false });
  });
});

describe('the charset', () => {
  const text = '{"a":"ü€😀"}';
  const latin = '{"a":"grün"}';

  test.each([
    ['application/json; charset=utf-16le', Buffer.from(text, 'utf16le'), text],
    ['application/json; charset=UTF-16', Buffer.from(`\ufeff${text}`, 'utf16le'), text],
    ['application/json; charset=utf-16', Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), text],
    ['application/json; charset=utf-16be', Buffer.from(text, 'utf16le').swap16(), text],
    ['application/json; charset="ISO-8859-1"', Buffer.from(latin, 'latin1'), latin],
    ['application/json; charset=latin1', Buffer.from(latin, 'latin1'), latin],
    ['application/json; charset=us-ascii', Buffer.from(latin), latin],
    ['application/json', Buffer.from(text), text],
  ])('of %s is what it says', (contentType, body, expected) => {
    expect(textOf(body, { contentType })).toBe(expected);
  });

  test.each([
    ['utf-8', Buffer.from(text), text],
    ['UTF-8', Buffer.from(text), text],
    ['latin-1', Buffer.from(latin, 'latin1'), latin],
    ['utf-16-le', Buffer.from(text, 'utf16le'), text],
  ])('may stand in content_encoding, as kombu and Spring put it: %s', (contentEncoding, body, expected) => {
    expect(textOf(body, { contentEncoding })).toBe(expected);
    expect(textOf(body, { contentEncoding, contentType: 'application/x-ndjson' })).toBe(expected);
  });

  test('of the content type goes before that', () => {
    const shape = { contentType: 'application/json; charset=utf-8', contentEncoding: 'latin1' };
    expect(textOf(text, shape)).toBe(text);
  });

  test.each([
    [
      'that is not known',
      'application/json; charset=klingon',
      Buffer.from('{}'),
      /^its charset "klingon" is unknown\./,
    ],
    [
      'whose bytes are none of it',
      'application/json; charset=shift_jis',
      Buffer.from([0x22, 0x81, 0x22]),
      /^it is not valid shift_jis$/,
    ],
    [
      'that is UTF-16 unnamed',
      'application/json',
      Buffer.from(`\ufeff${text}`, 'utf16le'),
      /^it starts with a UTF-16 byte order mark\. Publish UTF-8/,
    ],
    [
      'that is UTF-16 unnamed, the other way round',
      'application/x-ndjson',
      Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
      /UTF-16/,
    ],
  ])('%s is a reason not to read it', (_, contentType, body, reason) => {
    expect(reasonOf(body, { contentType })).toMatch(reason);
  });

  test('may make a body too large', () => {
    const contentType = 'application/json; charset=latin1';
    expect(reasonOf(Buffer.alloc(MAX_MESSAGE_BYTES, 0xe4), { contentType })).toMatch(
      /^it has 134217728 bytes in UTF-8;/,
    );
  });
});

describe('a compression', () => {
  const text = '{"a":1}';
  const gzip = gzipSync(text);

  test.each([
    ['gzip', gzip],
    ['gzip, identity', gzip],
    [' Identity ,GZIP', gzip],
    ['utf-8, gzip', gzip],
    ['br', brotliCompressSync(text)],
    ['deflate, gzip', gzipSync(deflateSync(text))],
    ['gzip,deflate', deflateSync(gzip)],
  ])('in content_encoding %j is undone, the last one first', (contentEncoding, body) => {
    expect(textOf(body, { contentEncoding })).toBe(text);
  });

  test.each([
    ['application/x-gzip', deflateSync(text)],
    ['application/x-gzip', gzip],
    ['application/x-brotli', brotliCompressSync(text)],
  ])('in the header that kombu writes is undone: %s', (compression, body) => {
    const shape = { contentEncoding: 'utf-8', headers: { compression } };
    expect(textOf(body, shape)).toBe(text);
    expect(isCompressed(messageOf(body, shape).properties)).toBe(true);
  });

  test('that stands in both is one', () => {
    expect(textOf(gzip, { contentEncoding: 'gzip', headers: { compression: 'application/x-gzip' } })).toBe(text);
  });

  test.each([
    [{ contentEncoding: 'binary' }],
    [{ contentEncoding: 'identity' }],
    [{ contentEncoding: '8bit' }],
    [{ contentEncoding: 'unicode' }],
    [{ contentEncoding: '' }],
    [{ contentEncoding: { gzip: true } }],
    [{ headers: { compression: 'none' } }],
    [{ headers: { compression: { gzip: true } } }],
    [{ headers: {} }],
  ])('is not what stands in %j', (shape) => {
    expect(textOf(text, shape)).toBe(text);
    expect(isCompressed(messageOf(text, shape).properties)).toBe(false);
  });

  test('that cannot be undone is a reason not to read it', () => {
    expect(reasonOf(text, { contentEncoding: 'gzip' })).toMatch(/^it cannot be decompressed \(gzip\): /);
    expect(reasonOf(text, { headers: { compression: 'application/x-bz2' } })).toMatch(/^it is compressed with bzip2/);
  });

  test('is undone twice, and not more often', () => {
    const thrice = gzipSync(gzipSync(gzip));
    expect(reasonOf(thrice, { contentEncoding: 'gzip,gzip,gzip' })).toBe('it is compressed 3 times; the limit is 2');
  });

  test('goes before the charset', () => {
    const body = gzipSync(Buffer.from('{"a":"grün"}', 'latin1'));
    const shape = { contentType: 'application/json; charset=latin1', contentEncoding: 'gzip' };
    expect(textOf(body, shape)).toBe('{"a":"grün"}');
  });
});

test('a body of more than 64 MiB is not read, whatever it says', () => {
  const body = Buffer.alloc(MAX_MESSAGE_BYTES + 1);
  expect(reasonOf(body)).toBe('the message has 67108865 bytes; the limit for parsing is 67108864');
  expect(reasonOf(body, { contentEncoding: 'gzip' })).toMatch(/^the message has 67108865 bytes/);
});
