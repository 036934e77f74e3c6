/** The workers of the `call` benches: batches of calls, with pauses for the deferred work. */
import { setTimeout as pause } from 'node:timers/promises';
import { informationOf } from '../records.mjs';
import { serve } from './serve.mjs';

const CALLS_A_BATCH = 1000;
/** Like a pause of an application. Records that wait for a fuller frame are sent during it. */
const PAUSE_MS = 10;
/**
 * An idle CPU is slow at first, and the workers are idle for different times, so each does some work before a batch.
 */
const AWAKE_MS = 3;

/**
 * @param call logs one record with this information
 * @param flush resolves when a batch is completely processed
 */
export function serveCalls(call, flush) {
  serve(async (records) => {
    const information = Array.from({ length: records }, (_, n) => informationOf(n));
    const loop = performance.eventLoopUtilization();
    let nanoseconds = 0n;
    let awakeMs = 0;
    for (let n = 0; n < records; ) {
      const end = Math.min(n + CALLS_A_BATCH, records);
      awakeMs += stayAwake();
      const started = process.hrtime.bigint();
      for (; n < end; n++) call(information[n]);
      nanoseconds += process.hrtime.bigint() - started;
      await pause(PAUSE_MS);
      await flush();
    }
    const { active: loopMs } = performance.eventLoopUtilization(loop);
    return { seconds: Number(nanoseconds) / 1e9, loopSeconds: (loopMs - awakeMs) / 1000 };
  });
}

/** @returns the duration in milliseconds */
function stayAwake() {
  const startedMs = performance.now();
  let elapsedMs = 0;
  while (elapsedMs < AWAKE_MS) elapsedMs = performance.now() - startedMs;
  return elapsedMs;
}
