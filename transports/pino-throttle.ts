/**
 * Pino's worker thread is handed up to 4 MiB of lines at a time, more than the publisher's buffer may hold as records, and
 * at the start before there is a connection. It can wait, so it takes them in slices, as fast as the broker confirms.
 *
 * Meanwhile lines wait in Pino's memory, which does not count them: so not for long.
 */
import type { Transform, TransformCallback } from 'node:stream';
import { createBackpressure } from '../src/publisher/backpressure.js';
import type { PublisherStats } from '../src/publisher/status.js';
import { replaceTransform } from './pino-internals.js';

/** At least: lines are left whole, because a long one is looked through anew with each of its pieces. */
const SLICE_BYTES = 64 * 1024;
const LOOK_EVERY_MS = 10;
/** Without a confirm for so long the broker stands still; also for the first connection, while an application starts. */
const STANDS_STILL_MS = 2000;
/** All the waiting there is until what has come is taken. Pino gives its worker 10 s at the end, for a flush as well. */
const BUDGET_MS = 3000;
/** Less than this at once, and nothing waits in Pino's memory any more. */
const CAUGHT_UP_BYTES = 1024 * 1024;

export function throttleLines(stream: Transform, bufferBytes: number, stats: () => PublisherStats): void {
  const backpressure = createBackpressure({ bufferBytes, standsStillMs: STANDS_STILL_MS });
  let leftMs = BUDGET_MS;
  const waits = () => leftMs > 0 && !stream.writableEnded && backpressure.waits(stats(), performance.now());

  replaceTransform(stream, (transform) => (chunk: Buffer, encoding, done) => {
    if (stream.writableLength < CAUGHT_UP_BYTES) leftMs = BUDGET_MS;
    let at = 0;
    let failed: Parameters<TransformCallback>[0];
    const later = (sinceMs: number) => {
      leftMs -= performance.now() - sinceMs;
      go();
    };
    const go = () => {
      while (at < chunk.length && !failed) {
        if (waits()) return void setTimeout(later, LOOK_EVERY_MS, performance.now());
        const slice = chunk.subarray(at, endOfSlice(chunk, at + SLICE_BYTES));
        at += slice.length;
        transform(slice, encoding, (error) => {
          failed = error;
        });
      }
      done(failed);
    };
    go();
  });
}

function endOfSlice(chunk: Buffer, from: number): number {
  const end = chunk.indexOf('\n', from);
  return end === -1 ? chunk.length : end + 1;
}
