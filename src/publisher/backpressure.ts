/**
 * How long a door that can wait does so before it takes more, so that records are neither lost for haste nor the program
 * behind it held up for ever. A broker that confirms, only slower than the input comes, is waited for; one that stands still
 * is not: then the oldest records go, counted, as in every door. Pure.
 */
import type { PublisherStats } from './status.js';

/** Without a confirm for so long, the broker stands still. */
const STANDS_STILL_MS = 1000;

export interface Backpressure {
  /** Whether to wait a little and to ask again, before more is taken. */
  waits(stats: Pick<PublisherStats, 'confirmed' | 'pendingBytes'>, nowMs: number): boolean;
}

export interface BackpressureLimits {
  /** Of the publisher: half of it is as much as may wait. */
  readonly bufferBytes: number;
  /** For a broker that stands still. Default: a second. */
  readonly standsStillMs?: number;
}

export function createBackpressure(limits: BackpressureLimits): Backpressure {
  const { bufferBytes, standsStillMs = STANDS_STILL_MS } = limits;
  let confirmed = -1;
  let progressMs = 0;
  return {
    waits({ confirmed: now, pendingBytes }, nowMs) {
      if (now !== confirmed) {
        confirmed = now;
        progressMs = nowMs;
      }
      return pendingBytes > bufferBytes / 2 && nowMs - progressMs < standsStillMs;
    },
  };
}
