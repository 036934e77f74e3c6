import { setImmediate as breathe } from 'node:timers/promises';

/** Past the publisher's window (4 MiB), under its buffer (8 MiB): always something to send, nothing dropped. */
const MAX_PENDING_BYTES = 6 * 1024 * 1024;
const RECORDS_A_TURN = 200;

/**
 * Logs records 0 to `count` - 1 as an application that never stalls its event loop, as fast as they are taken.
 *
 * @param log logs one record
 * @param stats the publisher's
 */
export async function feed(count, log, stats) {
  for (let n = 0; n < count; ) {
    const end = Math.min(n + RECORDS_A_TURN, count);
    for (; n < end; n++) log(n);
    do await breathe();
    while (stats().pendingBytes > MAX_PENDING_BYTES);
  }
}

/** @throws when the publisher does not say that all of it was confirmed; the queue is counted besides. */
export function checkConfirmed(stats, confirmedBefore, count) {
  const { confirmed, dropped, retries } = stats;
  if (confirmed - confirmedBefore === count && Object.keys(dropped).length === 0 && retries === 0) return;
  throw new Error(`of ${count} records not all were confirmed at once: ${JSON.stringify(stats)}`);
}
