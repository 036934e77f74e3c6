/**
 * Backpressure in Pino's worker thread, which gets up to 4 MiB of lines at a time: more than the publisher's buffer
 * may hold as records, and at the start before there is a connection. The worker can wait, so it reads them in slices,
 * as fast as the broker confirms.
 *
 * Meanwhile lines wait in Pino's memory, where they are not counted, so the time is limited.
 */
import type { Transform, TransformCallback } from 'node:stream';
import { createBackpressure } from '../src/publisher/backpressure.js';
import type { PublisherStats } from '../src/publisher/status.js';
import { replaceTransform } from './pino-internals.js';

/** Size of a slice, in bytes, rounded up to whole lines: a long line is searched again with each of its pieces. */
const SLICE_BYTES = 64 * 1024;
/** How often to check whether lines may be passed on, in milliseconds. */
const POLL_EVERY_MS = 10;
/**
 * Without a confirm for this long, the broker counts as stalled, in milliseconds. Also the time for the first
 * connection, while an application starts.
 */
const STALLED_MS = 2000;
/**
 * Time to wait in total until the worker has caught up, in milliseconds. At the end Pino gives its worker 10 s,
 * including a flush.
 */
const BUDGET_MS = 3000;
/** A smaller backlog of the stream, in bytes, means that nothing waits in Pino's memory any more. */
const CAUGHT_UP_BYTES = 1024 * 1024;

export function throttleLines(
  stream: Transform,
  bufferBytes: number,
  stats: () => Pick<PublisherStats, 'confirmed' | 'pendingBytes'>,
): void {
  const backpressure = createBackpressure({ bufferBytes, stalledMs: STALLED_MS });
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
        if (waits()) return void setTimeout(later, POLL_EVERY_MS, performance.now());
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
