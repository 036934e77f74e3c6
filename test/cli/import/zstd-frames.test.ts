import { expect, test } from 'vitest';
import { atFrameEnds } from '../../../cli/import/zstd-frames.js';

/** Frames as Node 24 writes them. */
const FRAMES = {
  plain: '28b52ffd20042100006f6e650a',
  'with a checksum': '28b52ffd240421000074776f0a0f2d04f9',
  'with blocks of a repeated byte': '28b52ffda0e09304005400001061610100fbff39c00202001061039f0461',
  'of unknown size': '28b52ffd005818000074687219000065650a',
  empty: '28b52ffd2000010000',
  'to be skipped': '532a4d1803000000010203',
  'to be skipped, empty': '502a4d1800000000',
};
const frames = Object.values(FRAMES).map((hex) => Buffer.from(hex, 'hex'));
const all = Buffer.concat(frames);

async function cut(bytes: Buffer, pieces: number): Promise<Buffer[]> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += pieces) yield bytes.subarray(at, at + pieces);
  }
  const found: Buffer[] = [];
  for await (const piece of atFrameEnds(chunks())) found.push(piece);
  return found;
}

function endsOf(pieces: readonly Buffer[]): number[] {
  return pieces.map((_, at) => Buffer.concat(pieces.slice(0, at + 1)).length);
}

test('each frame is a piece, if all of it arrives at once', async () => {
  expect(await cut(all, all.length)).toEqual(frames);
});

test.each([1, 2, 3, 5, 7, 50])('no piece reaches beyond a frame, in chunks of %i bytes', async (size) => {
  const pieces = await cut(all, size);
  expect(Buffer.concat(pieces)).toEqual(all);
  expect(endsOf(pieces)).toEqual(expect.arrayContaining(endsOf(frames)));
});

test.each(Object.entries(FRAMES))('a frame %s that is cut off is an error, wherever it is', async (_name, hex) => {
  const frame = Buffer.from(hex, 'hex');
  expect(await cut(frame, 100)).toEqual([frame]);
  for (let length = 1; length < frame.length; length++) {
    await expect(cut(frame.subarray(0, length), 100), `${length} bytes`).rejects.toThrow('it is cut off');
  }
});

test('anything else behind a frame is an error', async () => {
  await expect(cut(Buffer.concat([frames[0]!, Buffer.from('text')]), 100)).rejects.toThrow('it is not zstd');
  await expect(cut(Buffer.from('28b52ffd2004270000', 'hex'), 100)).rejects.toThrow('a block of an unknown type');
});
