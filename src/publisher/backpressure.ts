/**
 * Whether an integration that can wait should wait before it accepts more records. It waits while the broker confirms
 * records more slowly than they arrive. It does not wait for a broker that confirms nothing: then the oldest records
 * are dropped and counted, as in every integration. Pure.
 */
import type { PublisherStats } from './status.js';

/** Without a confirm for this long, the broker counts as stalled, in milliseconds. */
const STALLED_MS = 1000;

export interface Backpressure {
  /** Whether to wait a little and ask again before accepting more. */
  waits(stats: Pick<PublisherStats, 'confirmed' | 'pendingBytes'>, nowMs: number): boolean;
}

export interface BackpressureLimits {
  /** Buffer of the publisher, in bytes. Half of it may be waiting. */
  readonly bufferBytes: number;
  /** Without a confirm for this long, the broker counts as stalled, in milliseconds. Default: 1000. */
  readonly stalledMs?: number;
}

export function createBackpressure(limits: BackpressureLimits): Backpressure {
  const { bufferBytes, stalledMs = STALLED_MS } = limits;
  let confirmed = -1;
  let progressMs = 0;
  return {
    waits({ confirmed: now, pendingBytes }, nowMs) {
      if (now !== confirmed) {
        confirmed = now;
        progressMs = nowMs;
      }
      return pendingBytes > bufferBytes / 2 && nowMs - progressMs < stalledMs;
    },
  };
}
