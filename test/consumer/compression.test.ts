import zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decompress, isCompression } from '../../consumer/compression.js';

const MIB = 1024 * 1024;
const text = 'payment of 5 €, '.repeat(100);
const undo = (body: Buffer, name: string, mostBytes = MIB) => decompress(body, name, mostBytes);
const reasonOf = (body: Buffer, name: string, mostBytes = MIB) => {
  const done = undo(body, name, mostBytes);
  if (done.ok) expect.fail(`undone: ${done.body}`);
  return done.reason;
};

/** `payment` by Python's standard library, or by the tool of that name. */
const PAYMENT = {
  gzip: 'H4sIAAAAAAACAytIrMxNzSsBAA2EKG0HAAAA',
  zlib: 'eJwrSKzMTc0rAQAL7QL/',
  raw: 'K0iszE3NKwEA',
  bzip2: 'QlpoOTFBWSZTWT2Uy9QAAAIBgCIDRCAgADEMAQ0xqRkA8XckU4UJA9lMvUA=',
  zstd: 'KLUv/SAHOQAAcGF5bWVudA==',
  brotli: 'GwYA+CUAopDYhQA=',
};

describe('a compressed body', () => {
  test.each([
    ['gzip', PAYMENT.gzip],
    ['GZip', PAYMENT.gzip],
    [' x-gzip ', PAYMENT.gzip],
    ['application/gzip', PAYMENT.gzip],
    ['application/x-gzip', PAYMENT.gzip],
    ['application/x-gzip', PAYMENT.zlib],
    ['gzip', PAYMENT.zlib],
    ['zlib', PAYMENT.zlib],
    ['deflate', PAYMENT.zlib],
    ['deflate', PAYMENT.raw],
    ['br', PAYMENT.brotli],
    ['brotli', PAYMENT.brotli],
    ['application/x-brotli', PAYMENT.brotli],
  ])('is decompressed by the name %s', (name, body) => {
    expect(isCompression(name)).toBe(true);
    const done = undo(Buffer.from(body, 'base64'), name);
    expect(done.ok && done.body.toString()).toBe('payment');
  });

  test.each(['zstd', 'zstandard', 'application/zstd'])(
    'is decompressed by the name %s if Node supports it, else refused',
    (name) => {
      const done = undo(Buffer.from(PAYMENT.zstd, 'base64'), name);
      const can = 'zstdDecompressSync' in zlib;
      expect(done).toEqual(
        can
          ? { ok: true, body: Buffer.from('payment') }
          : {
              ok: false,
              reason: `it is compressed with zstd, which Node ${process.versions.node} cannot decompress; Node 22.15 can`,
            },
      );
    },
  );

  test.each([
    ['bzip2', 'bzip2'],
    ['application/x-bz2', 'bzip2'],
    ['application/x-lzma', 'xz'],
    ['xz', 'xz'],
    ['lz4', 'LZ4'],
    ['snappy', 'Snappy'],
    ['compress', 'compress'],
  ])('named %s is not supported by Node', (name, shown) => {
    expect(isCompression(name)).toBe(true);
    const body = Buffer.from(PAYMENT.bzip2, 'base64');
    expect(reasonOf(body, name)).toBe(`it is compressed with ${shown}, which Node cannot decompress`);
  });

  test.each(['identity', 'utf-8', 'binary', '', 'toString', '__proto__', 'gzip, br'])(
    'is not recognized by the name %j',
    (name) => {
      expect(isCompression(name)).toBe(false);
    },
  );

  test('may have several members', () => {
    const body = Buffer.concat([zlib.gzipSync('one '), zlib.gzipSync('two')]);
    const done = undo(body, 'gzip');
    expect(done.ok && done.body.toString()).toBe('one two');
  });

  test.each([
    ['gzip', zlib.gzipSync(text)],
    ['zlib', zlib.deflateSync(text)],
    ['deflate', zlib.deflateRawSync(text)],
    ['br', zlib.brotliCompressSync(text)],
  ])('that is truncated, empty or followed by other bytes is refused: %s', (name, whole) => {
    expect(undo(whole, name).ok).toBe(true);
    for (let end = 0; end < whole.length; end++) expect(undo(whole.subarray(0, end), name).ok).toBe(false);
    expect(reasonOf(Buffer.concat([whole, Buffer.from('{"more":1}')]), name)).toMatch(/cannot be decompressed /);
    expect(reasonOf(Buffer.from('{"a":1}'), name)).toMatch(/^it cannot be decompressed \((?:gzip|deflate|brotli)\): /);
  });

  test.each([
    ['gzip', zlib.gzipSync(Buffer.alloc(64 * MIB))],
    ['zlib', zlib.deflateSync(Buffer.alloc(64 * MIB))],
    ['deflate', zlib.deflateRawSync(Buffer.alloc(64 * MIB))],
    ['br', zlib.brotliCompressSync(Buffer.alloc(64 * MIB), { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ])('that exceeds the limit when decompressed is refused: %s', (name, bomb) => {
    const reason = reasonOf(bomb, name);
    expect(reason).toMatch(/^it is larger than 1048576 bytes when decompressed \(\w+\)$/);
    expect(undo(bomb, name, 64 * MIB).ok).toBe(true);
    expect(undo(bomb, name, 64 * MIB - 1).ok).toBe(false);
  });

  test('in zstd may have several frames, all of which are read', () => {
    const frame = Buffer.from(PAYMENT.zstd, 'base64');
    const done = undo(Buffer.concat([frame, frame]), 'zstd');
    if ('zstdDecompressSync' in zlib) {
      expect(done).toEqual({ ok: true, body: Buffer.from('paymentpayment') });
      expect(undo(Buffer.concat([frame, Buffer.from('junk')]), 'zstd').ok).toBe(false);
      expect(reasonOf(Buffer.concat([frame, frame]), 'zstd', 13)).toMatch(/^it is larger than 13 bytes/);
      expect(reasonOf(Buffer.concat(Array(1001).fill(frame)), 'zstd')).toMatch(/more than 1000 frames$/);
    } else expect(done.ok).toBe(false);
  });
});
