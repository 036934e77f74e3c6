/**
 * Decompresses message bodies with `node:zlib`. Pure.
 *
 * Decompression is synchronous: its output is limited (64 MiB take about 0.2 s), and messages of loggers are far
 * smaller.
 */
import zlib from 'node:zlib';
import { reasonOf } from '../src/errors.js';

export type Decompressed =
  | { readonly ok: true; readonly body: Buffer }
  | { readonly ok: false; readonly reason: string };

/** @throws the error of `node:zlib`; ERR_BUFFER_TOO_LARGE above the limit. */
type Decompress = (body: Buffer, maxBytes: number) => Buffer;

interface Format {
  readonly name: string;
  /** Undefined if this version of Node does not support it. */
  readonly decompress: Decompress | undefined;
}

/** A function of `node:zlib`, called with `info: true`. */
type Call = (body: Buffer, options: zlib.ZlibOptions) => unknown;

const BZIP2: Format = { name: 'bzip2', decompress: undefined };
const XZ: Format = { name: 'xz', decompress: undefined };
const BROTLI: Format = { name: 'brotli', decompress: decompressWhole(zlib.brotliDecompressSync) };
// gzip and zlib differ in their first bytes: what kombu calls gzip is zlib.
const GZIP: Format = { name: 'gzip', decompress: decompressWhole(zlib.unzipSync) };
const DEFLATE: Format = { name: 'deflate', decompress: inflate };
// Available from Node 22.15. Loghive compiles against the types of Node 20.
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: Call };
const ZSTD: Format = { name: 'zstd', decompress: zstdDecompressSync && decompressFrames(zstdDecompressSync) };

/**
 * By the names used in `content_encoding` (RFC 9110) and in kombu's `compression` header, in lower case and without the
 * prefixes `x-` and `application/`.
 */
const FORMATS: Readonly<Record<string, Format>> = {
  gzip: GZIP,
  gz: GZIP,
  zlib: GZIP,
  deflate: DEFLATE,
  br: BROTLI,
  brotli: BROTLI,
  zstd: ZSTD,
  zstandard: ZSTD,
  bzip2: BZIP2,
  bzip: BZIP2,
  bz2: BZIP2,
  xz: XZ,
  lzma: XZ,
  lz4: { name: 'LZ4', decompress: undefined },
  snappy: { name: 'Snappy', decompress: undefined },
  compress: { name: 'compress', decompress: undefined },
};

/** Whether the name is that of a compression, in any case: `gzip`, `application/x-bz2`. */
export function isCompression(name: string): boolean {
  return Object.hasOwn(FORMATS, normalizedName(name));
}

/**
 * @param name a name for which `isCompression` returns true.
 * @param maxBytes maximum size of the result. A larger result is an error and is never held in memory.
 */
export function decompress(body: Buffer, name: string, maxBytes: number): Decompressed {
  const format = FORMATS[normalizedName(name)] as Format;
  if (format.decompress === undefined) return { ok: false, reason: unsupported(format) };
  try {
    return { ok: true, body: format.decompress(body, maxBytes) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ERR_BUFFER_TOO_LARGE'
        ? `it is larger than ${maxBytes} bytes when decompressed (${format.name})`
        : `it cannot be decompressed (${format.name}): ${reasonOf(error)}`;
    return { ok: false, reason };
  }
}

function unsupported({ name }: Format): string {
  const who =
    name === 'zstd' ? `Node ${process.versions.node} cannot decompress; Node 22.15 can` : 'Node cannot decompress';
  return `it is compressed with ${name}, which ${who}`;
}

function normalizedName(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/^application\//, '')
    .replace(/^x-/, '');
}

/** node:zlib ignores bytes after the end of the compressed data. They would be lost silently, so they are an error. */
function decompressWhole(call: Call): Decompress {
  return (body, maxBytes) => {
    const { buffer, read } = decompressWithInfo(call, body, maxBytes);
    if (read < body.length) throw new Error(`${body.length - read} bytes follow the end of the compressed data`);
    return buffer;
  };
}

/** By the standard `deflate` means zlib, but some senders omit zlib's header. */
function inflate(body: Buffer, maxBytes: number): Buffer {
  return decompressWhole(hasZlibHeader(body) ? zlib.inflateSync : zlib.inflateRawSync)(body, maxBytes);
}

/** Checks for a zlib header (RFC 1950). No encoder starts a raw stream (RFC 1951) like this. */
function hasZlibHeader([first = 0, second = 0]: Buffer): boolean {
  return first % 16 === 8 && (first * 256 + second) % 31 === 0;
}

const MAX_FRAMES = 1000;

/** Zstandard data may consist of several frames (RFC 8878); node:zlib reads only the first one. */
function decompressFrames(call: Call): Decompress {
  return (body, maxBytes) => {
    const parts: Buffer[] = [];
    let rest = body;
    let left = maxBytes;
    do {
      if (parts.length === MAX_FRAMES) throw new Error(`it has more than ${MAX_FRAMES} frames`);
      const { buffer, read } = decompressWithInfo(call, rest, left);
      parts.push(buffer);
      left -= buffer.length;
      rest = rest.subarray(read);
    } while (rest.length > 0);
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  };
}

function decompressWithInfo(call: Call, body: Buffer, maxBytes: number): { buffer: Buffer; read: number } {
  // node:zlib requires a limit of at least 1.
  const options = { maxOutputLength: Math.max(1, maxBytes), info: true };
  const { buffer, engine } = call(body, options) as { buffer: Buffer; engine: { bytesWritten: number } };
  return { buffer, read: engine.bytesWritten };
}
