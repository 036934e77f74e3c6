/**
 * How long an integration that can wait does so before it accepts more. It waits for a broker that confirms, only more
 * slowly than records come in. It does not wait for a broker that confirms nothing: then the oldest records are
 * dropped and counted, as in every integration. Pure.
 */
import type { PublisherStats } from './status.js';

/** Without a confirm for this long, the broker counts as stalled, in milliseconds. */
const STANDS_STILL_MS = 1000;

export interface Backpressure {
  /** Whether to wait a little and ask again before accepting more. */
  waits(stats: Pick<PublisherStats, 'confirmed' | 'pendingBytes'>, nowMs: number): boolean;
}

export interface BackpressureLimits {
  /** Buffer of the publisher, in bytes. Half of it may be waiting. */
  readonly bufferBytes: number;
  /** Without a confirm for this long, the broker counts as stalled, in milliseconds. Default: 1000. */
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
