/**
 * Pino's worker thread is handed up to 4 MiB of lines at a time, more than the publisher's buffer may hold as records, and
 * at the start before there is a connection. It can wait, so it takes them in slices, as fast as the broker confirms.
 *
 * Meanwhile lines wait in Pino's memory, which does not count them: so not for long.
 */
import type { Transform, TransformCallback } from 'node:stream';
import { createPatience } from '../src/publisher/patience.js';
import type { PublisherStats } from '../src/publisher/status.js';

/** At least: lines are left whole, because a long one is looked through anew with each of its pieces. */
const SLICE_BYTES = 64 * 1024;
const LOOK_EVERY_MS = 10;
/** With the time for a flush at the end this stays below the 10 s that Pino gives its worker then. */
const LONGEST_MS = 4000;
/** Also for the first connection, which may take its time while an application starts. */
const STANDS_STILL_MS = 2000;

export function paceLines(stream: Transform, bufferBytes: number, stats: () => PublisherStats): void {
  const patience = createPatience({ bufferBytes, standsStillMs: STANDS_STILL_MS, longestMs: LONGEST_MS });
  const { _transform } = stream;
  stream._transform = (chunk: Buffer, encoding, done) => {
    let at = 0;
    let failed: Parameters<TransformCallback>[0];
    const go = () => {
      while (at < chunk.length && !failed) {
        if (patience.waits(stats(), performance.now())) return void setTimeout(go, LOOK_EVERY_MS);
        const slice = chunk.subarray(at, endOfSlice(chunk, at + SLICE_BYTES));
        at += slice.length;
        _transform.call(stream, slice, encoding, (error) => {
          failed = error;
        });
      }
      done(failed);
    };
    go();
  };
}

function endOfSlice(chunk: Buffer, from: number): number {
  const end = chunk.indexOf('\n', from);
  return end === -1 ? chunk.length : end + 1;
}
