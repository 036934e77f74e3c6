/**
 * Cuts zstd data where its frames end. Pure. `node:zlib` decompresses only the first frame of each piece that it is
 * given, and does not report data that is cut off; both would lose records silently.
 * Source: RFC 8878, section 3.1.
 */

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const CHECKSUM_BYTES = 4;

/** The header that comes next, and its size in bytes. */
type Header =
  | { readonly type: 'magic' | 'skippable'; readonly bytes: 4 }
  | { readonly type: 'descriptor'; readonly bytes: 1 }
  | { readonly type: 'block'; readonly bytes: 3 };

const HEADERS = {
  magic: { type: 'magic', bytes: 4 },
  skippable: { type: 'skippable', bytes: 4 },
  descriptor: { type: 'descriptor', bytes: 1 },
  block: { type: 'block', bytes: 3 },
} as const satisfies Record<Header['type'], Header>;

/** @throws Error if the data is damaged or ends within a frame. */
export async function* atFrameEnds(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let header: Header = HEADERS.magic;
  let hasChecksum = false;
  /** The bytes of the header so far. */
  let read: number[] = [];
  /** Bytes before the next header. */
  let content = 0;

  /** @returns whether a frame ends behind the content that follows this header. */
  function enter(bytes: Buffer): boolean {
    const value = bytes.readUIntLE(0, bytes.length);
    switch (header.type) {
      case 'magic':
        if (value !== MAGIC && (value & 0xfffffff0) >>> 0 !== SKIPPABLE) throw new Error('it is not zstd');
        header = value === MAGIC ? HEADERS.descriptor : HEADERS.skippable;
        return false;
      case 'skippable':
        content = value;
        return true;
      case 'descriptor': {
        const isSingle = (value & 0x20) !== 0;
        hasChecksum = (value & 4) !== 0;
        const sizeBytes = isSingle && value < 0x40 ? 1 : CONTENT_SIZE_BYTES[(value >> 6) as 0 | 1 | 2 | 3];
        content = (isSingle ? 0 : 1) + DICTIONARY_BYTES[(value & 3) as 0 | 1 | 2 | 3] + sizeBytes;
        header = HEADERS.block;
        return false;
      }
      case 'block': {
        const isLast = (value & 1) !== 0;
        const type = (value >> 1) & 3;
        if (type === 3) throw new Error('it has a block of an unknown type');
        // A block of type 1 is one byte that is repeated.
        content = (type === 1 ? 1 : value >> 3) + (isLast && hasChecksum ? CHECKSUM_BYTES : 0);
        return isLast;
      }
    }
  }

  let isLast = false;
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = 0; at < chunk.length; ) {
      if (content > 0) {
        const skipped = Math.min(content, chunk.length - at);
        content -= skipped;
        at += skipped;
      } else {
        read.push(chunk[at]!);
        at += 1;
        if (read.length < header.bytes) continue;
        isLast = enter(Buffer.from(read));
        read = [];
      }
      if (content > 0 || !isLast) continue;
      yield chunk.subarray(start, at);
      start = at;
      isLast = false;
      header = HEADERS.magic;
    }
    if (start < chunk.length) yield chunk.subarray(start);
  }
  if (header.type !== 'magic' || read.length > 0) throw new Error('it is cut off');
}
