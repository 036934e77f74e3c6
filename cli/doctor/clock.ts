/** Compares the clock of a server with the one of this machine. Pure. */
import { failed, ok, type Verdict } from './verdict.js';

export interface ClockReading {
  /** Times of this machine just before the question and just after the answer, in epoch milliseconds. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** The time of the server, rounded down to `resolutionMs`, in epoch milliseconds. */
  readonly serverMs: number;
  readonly resolutionMs: number;
}

/** A record's time comes from the application, days and retention from the database: more than this is noticeable. */
const MAX_SKEW_MS = 5000;

export function judgeClock(server: string, reading: ClockReading): Verdict {
  const skewMs = skewOf(reading);
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return ok(`the clock of ${server} agrees with this machine's`);
  const direction = skewMs > 0 ? 'ahead of' : 'behind';
  return failed(
    `the clock of ${server} is ${Math.round(Math.abs(skewMs) / 1000)} s ${direction} this machine's`,
    'Synchronize the clocks of both machines (NTP; timedatectl shows the state). Records are sorted, partitioned and expired by these clocks.',
  );
}

/** The smallest difference that explains the reading, in milliseconds; positive if the server is ahead. */
export function skewOf({ beforeMs, afterMs, serverMs, resolutionMs }: ClockReading): number {
  if (serverMs > afterMs) return serverMs - afterMs;
  const latestMs = serverMs + resolutionMs;
  return latestMs < beforeMs ? latestMs - beforeMs : 0;
}
