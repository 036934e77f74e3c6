/**
 * Compresses a file piece by piece. Each piece is a whole member (gzip) or frame (zstd): a file of several is a valid
 * one, and can be continued behind any of them.
 */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { LoghiveError } from '../../src/errors.js';
import type { Compression } from './file-kind.js';

export type Compress = (text: string) => Promise<Buffer>;

// Available from Node 22.15. Loghive compiles against the types of Node 20.
const { zstdCompress } = zlib as { zstdCompress?: (bytes: Buffer, done: zlib.CompressCallback) => void };

/** @throws LoghiveError LOGHIVE_INVALID_OPTION if this version of Node does not support it. */
export function compressorOf(compression: Compression): Compress {
  switch (compression) {
    case 'none':
      return async (text) => Buffer.from(text);
    case 'gzip': {
      const gzip = promisify<Buffer, Buffer>(zlib.gzip);
      return (text) => gzip(Buffer.from(text));
    }
    case 'zstd': {
      if (zstdCompress === undefined) {
        throw new LoghiveError(
          'LOGHIVE_INVALID_OPTION',
          `export: Node ${process.versions.node} cannot compress zstd; Node 22.15 can. Name the file .gz instead, or pipe it: --to - | zstd`,
        );
      }
      const zstd = promisify<Buffer, Buffer>(zstdCompress);
      return (text) => zstd(Buffer.from(text));
    }
  }
}
