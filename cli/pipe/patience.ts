/**
 * How long reading waits, so that records are neither lost for haste nor the program before the pipe held up for ever. A
 * broker that confirms, only slower than the input comes, is waited for; one that stands still is not: then the oldest
 * records go, counted, as in every door. A file as the input can wait: nobody is held up. Pure.
 */
import type { PublisherStats } from '../../src/publisher/status.js';

/** Without a confirm for so long, the broker stands still. */
const STANDS_STILL_MS = 1000;

export interface Patience {
  /** Whether to wait a little and to ask again, before more is read. */
  waits(stats: Pick<PublisherStats, 'confirmed' | 'pendingBytes'>, nowMs: number): boolean;
}

/**
 * @param bufferBytes of the publisher: half of it is as much as may wait.
 * @param endless the input is a file.
 */
export function createPatience(bufferBytes: number, endless: boolean): Patience {
  let confirmed = -1;
  let progressMs = 0;
  return {
    waits({ confirmed: now, pendingBytes }, nowMs) {
      if (now !== confirmed) {
        confirmed = now;
        progressMs = nowMs;
      }
      if (pendingBytes <= bufferBytes / 2) return false;
      return endless || nowMs - progressMs < STANDS_STILL_MS;
    },
  };
}
