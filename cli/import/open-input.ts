/** Opens a file of records: undoes its compression, and finds out its format. */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { addAbortSignal, pipeline, Readable, type Transform } from 'node:stream';
import zlib from 'node:zlib';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { isSystemError } from '../error-text.js';
import { type Compression, fileKind, type RecordFormatName } from '../export/file-kind.js';
import { fileError, withFile } from '../file-error.js';
import { atFrameEnds } from './zstd-frames.js';

export interface RecordInput {
  /** For messages. */
  readonly name: string;
  /** Size of the file in bytes; undefined if it is not known. */
  readonly size: number | undefined;
  /** Bytes of the file that are read so far. */
  readonly bytesRead: number;
  /**
   * Reads the beginning.
   *
   * @param signal ends reading, also if nothing arrives.
   * @throws LoghiveError LOGHIVE_FILE_UNUSABLE
   */
  content(signal: AbortSignal): Promise<RecordContent>;
  close(): Promise<void>;
}

export interface RecordContent {
  readonly format: RecordFormatName;
  /** Decompressed. @throws LoghiveError LOGHIVE_FILE_UNUSABLE, also behind bytes that are fine. */
  readonly chunks: AsyncIterable<Buffer>;
}

const CHUNK_BYTES = 256 * 1024;

/**
 * @param file a path, or `-` for stdin.
 * @param format if it is known.
 * @throws LoghiveError LOGHIVE_FILE_UNUSABLE
 */
export async function openInput(file: string, format: RecordFormatName | undefined): Promise<RecordInput> {
  const isStdin = file === '-';
  const name = isStdin ? 'stdin' : file;
  let handle: FileHandle | undefined;
  let size: number | undefined;
  if (!isStdin) {
    await withFile(`read ${file}`, async () => {
      handle = await open(file);
      const found = await handle.stat();
      if (found.isDirectory()) throw new LoghiveError('LOGHIVE_FILE_UNUSABLE', `cannot read ${file}: it is a folder`);
      size = found.isFile() ? found.size : undefined;
    });
  }
  let stream: Readable | undefined;
  let bytesRead = 0;

  async function* raw(signal: AbortSignal): AsyncGenerator<Buffer> {
    stream = handle?.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false }) ?? process.stdin;
    addAbortSignal(signal, stream);
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        bytesRead += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw isSystemError(error) ? fileError(`read ${name}`, error) : error;
    }
  }

  return {
    name,
    size,
    get bytesRead() {
      return bytesRead;
    },
    async content(signal) {
      const compressed = await peek(raw(signal), MAGIC_BYTES);
      const compression = compressionOf(compressed.start);
      const plain = await peek(decompressed(compressed.all, compression, name), FORMAT_BYTES);
      const known = format ?? fileKind(file).format ?? formatOf(plain.start);
      if (known !== undefined) return { format: known, chunks: plain.all };
      throw new LoghiveError(
        'LOGHIVE_FILE_UNUSABLE',
        `${name} is neither JSON lines nor csv with the header that "loghive export" writes. If it is one of them, add --format`,
      );
    },
    async close() {
      // An open stdin would keep the process alive.
      stream?.destroy();
      await handle?.close();
    },
  };
}

interface Peeked {
  readonly start: Buffer;
  /** Everything, with the start. */
  readonly all: AsyncIterable<Buffer>;
}

async function peek(chunks: AsyncGenerator<Buffer>, bytes: number): Promise<Peeked> {
  let start: Buffer = Buffer.alloc(0);
  while (start.length < bytes) {
    const { value, done } = await chunks.next();
    if (done) break;
    start = Buffer.concat([start, value]);
  }
  async function* all() {
    if (start.length > 0) yield start;
    yield* chunks;
  }
  return { start, all: all() };
}

const MAGIC_BYTES = 4;
const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** By content: a file may have been renamed. */
function compressionOf(start: Buffer): Compression {
  if (start.indexOf(GZIP) === 0) return 'gzip';
  return start.indexOf(ZSTD) === 0 ? 'zstd' : 'none';
}

// Available from Node 22.15. Loghive compiles against the types of Node 20.
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };

async function* decompressed(
  chunks: AsyncIterable<Buffer>,
  compression: Compression,
  name: string,
): AsyncGenerator<Buffer> {
  if (compression === 'none') {
    yield* chunks;
    return;
  }
  const [source, transform] =
    compression === 'gzip' ? [chunks, zlib.createGunzip()] : [atFrameEnds(chunks), zstdDecompress(name)];
  // The error is thrown by the iteration.
  pipeline(Readable.from(source), transform, () => {});
  try {
    yield* transform as AsyncIterable<Buffer>;
  } catch (error) {
    if (error instanceof LoghiveError) throw error;
    throw new LoghiveError(
      'LOGHIVE_FILE_UNUSABLE',
      `${name} is damaged or not complete (${compression}: ${reasonOf(error)}). Only the records before that are read`,
      { cause: error },
    );
  }
}

/** @throws LoghiveError LOGHIVE_FILE_UNUSABLE if this version of Node does not support it. */
function zstdDecompress(name: string): Transform {
  if (createZstdDecompress !== undefined) return createZstdDecompress();
  throw new LoghiveError(
    'LOGHIVE_FILE_UNUSABLE',
    `${name} is compressed by zstd, which Node ${process.versions.node} cannot decompress; Node 22.15 can. Or pipe it: zstdcat ${name} | loghive import -`,
  );
}

const FORMAT_BYTES = 4096;

/** Undefined if it is not clear. An empty file has no records in any format. */
function formatOf(start: Buffer): RecordFormatName | undefined {
  const text = start
    .toString()
    .replace(/^\ufeff/, '')
    .trimStart();
  if (text === '' || text.startsWith('{')) return 'ndjson';
  const [header = ''] = text.split('\n');
  return /\bservice\b/.test(header) && /\blevel\b/.test(header) ? 'csv' : undefined;
}
