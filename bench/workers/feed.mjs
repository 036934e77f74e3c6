import { setImmediate as immediate } from 'node:timers/promises';

/** More than the publisher's window (4 MiB) and less than its buffer (8 MiB): always data to send, and no drops. */
const MAX_PENDING_BYTES = 6 * 1024 * 1024;
const RECORDS_A_TURN = 200;

/**
 * Logs records 0 to `count` - 1 as fast as they are accepted, without blocking the event loop.
 *
 * @param log logs one record
 * @param stats the publisher's stats
 */
export async function feed(count, log, stats) {
  for (let n = 0; n < count; ) {
    const end = Math.min(n + RECORDS_A_TURN, count);
    for (; n < end; n++) log(n);
    do await immediate();
    while (stats().pendingBytes > MAX_PENDING_BYTES);
  }
}

/** @throws if the publisher does not report all records as confirmed; the queue is checked separately. */
export function checkConfirmed(stats, confirmedBefore, count) {
  const { confirmed, dropped, retries } = stats;
  if (confirmed - confirmedBefore === count && Object.keys(dropped).length === 0 && retries === 0) return;
  throw new Error(`not all of ${count} records were confirmed at the first attempt: ${JSON.stringify(stats)}`);
}
