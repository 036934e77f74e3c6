/**
 * Compressed bodies, undone by what Node itself has. Pure.
 *
 * It is done at once, on the thread that reads: a result has a limit (64 MiB take about 0.2 s), and the messages of loggers
 * are far smaller.
 */
import zlib from 'node:zlib';
import { reasonOf } from '../src/errors.js';

export type Decompressed =
  | { readonly ok: true; readonly body: Buffer }
  | { readonly ok: false; readonly reason: string };

/** @throws what `node:zlib` throws, ERR_BUFFER_TOO_LARGE past the limit. */
type Decompress = (body: Buffer, mostBytes: number) => Buffer;

interface Format {
  readonly name: string;
  /** Undefined where this Node cannot. */
  readonly decompress: Decompress | undefined;
}

/** Of node:zlib, called with `info: true`. */
type Call = (body: Buffer, options: zlib.ZlibOptions) => unknown;

const BZIP2: Format = { name: 'bzip2', decompress: undefined };
const XZ: Format = { name: 'xz', decompress: undefined };
const BROTLI: Format = { name: 'brotli', decompress: whole(zlib.brotliDecompressSync) };
// gzip and zlib are told apart by how they begin: what kombu calls gzip is zlib.
const GZIP: Format = { name: 'gzip', decompress: whole(zlib.unzipSync) };
const DEFLATE: Format = { name: 'deflate', decompress: inflate };
// From Node 22.15 on. The types that we compile against are those of Node 20.
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: Call };
const ZSTD: Format = { name: 'zstd', decompress: zstdDecompressSync && manyFrames(zstdDecompressSync) };

/**
 * By the names that `content_encoding` (RFC 9110) and kombu's header `compression` have for them, in lower case and without
 * the `x-` and `application/` that may stand before either.
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

/** Whether it names a compression, in any case: `gzip`, `application/x-bz2`. */
export function isCompression(name: string): boolean {
  return Object.hasOwn(FORMATS, plainName(name));
}

/**
 * @param name one that `isCompression` knows.
 * @param mostBytes of the result. A larger one is not ok, and never in memory.
 */
export function decompress(body: Buffer, name: string, mostBytes: number): Decompressed {
  const format = FORMATS[plainName(name)] as Format;
  if (format.decompress === undefined) return { ok: false, reason: cannot(format) };
  try {
    return { ok: true, body: format.decompress(body, mostBytes) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ERR_BUFFER_TOO_LARGE'
        ? `it is more than ${mostBytes} bytes when its compression (${format.name}) is undone`
        : `its compression (${format.name}) cannot be undone: ${reasonOf(error)}`;
    return { ok: false, reason };
  }
}

function cannot({ name }: Format): string {
  const who = name === 'zstd' ? `Node ${process.versions.node} cannot undo; Node 22.15 can` : 'Node cannot undo';
  return `it is compressed with ${name}, which ${who}`;
}

function plainName(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/^application\//, '')
    .replace(/^x-/, '');
}

/** node:zlib stops at the end of what was compressed. Bytes behind it would be lost without a word. */
function whole(call: Call): Decompress {
  return (body, mostBytes) => {
    const { buffer, read } = called(call, body, mostBytes);
    if (read < body.length) throw new Error(`${body.length - read} bytes stand behind its end`);
    return buffer;
  };
}

/** `deflate` means zlib by the standard, and is sent without zlib's header by some. */
function inflate(body: Buffer, mostBytes: number): Buffer {
  return whole(hasZlibHeader(body) ? zlib.inflateSync : zlib.inflateRawSync)(body, mostBytes);
}

/** RFC 1950. No encoder begins a raw stream (RFC 1951) like this. */
function hasZlibHeader([first = 0, second = 0]: Buffer): boolean {
  return first % 16 === 8 && (first * 256 + second) % 31 === 0;
}

const MOST_FRAMES = 1000;

/** Zstandard may be many frames, one behind the other (RFC 8878); node:zlib reads the first one. */
function manyFrames(call: Call): Decompress {
  return (body, mostBytes) => {
    const parts: Buffer[] = [];
    let rest = body;
    let left = mostBytes;
    do {
      if (parts.length === MOST_FRAMES) throw new Error(`it has more than ${MOST_FRAMES} frames`);
      const { buffer, read } = called(call, rest, left);
      parts.push(buffer);
      left -= buffer.length;
      rest = rest.subarray(read);
    } while (rest.length > 0);
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  };
}

function called(call: Call, body: Buffer, mostBytes: number): { buffer: Buffer; read: number } {
  // The limit must be 1 or more.
  const options = { maxOutputLength: Math.max(1, mostBytes), info: true };
  const { buffer, engine } = call(body, options) as { buffer: Buffer; engine: { bytesWritten: number } };
  return { buffer, read: engine.bytesWritten };
}
