/**
 * Computes the prefetch of each queue. AMQP limits messages, but memory is limited in bytes, so the prefetch depends on
 * the size and the number of records of a queue's messages. Pure.
 *
 * The prefetch of a busy queue must not be below one batch (measured: 40 times slower). An idle queue needs only 1,
 * which makes hundreds of queues possible.
 */
export const FLOOR = 1;
/**
 * Growth factor of one step. Three steps lead from 1 to any prefetch, and a queue with one message a minute does not
 * get too much.
 */
const GROWTH = 32;
/** Number of batches to prefetch: one is written while the next one fills. */
const BATCHES_AHEAD = 2;
/** Fraction of the budget reserved for `error` and `critical` queues. */
const SEVERE_SHARE = 0.25;
/** AMQP's prefetch is an unsigned 16-bit number. */
const MAX_PREFETCH = 65_535;

export interface QueueLoad {
  readonly prefetch: number;
  /** Number of unacknowledged messages. */
  readonly outstanding: number;
  /** Their approximate size in memory, in bytes, including properties. */
  readonly outstandingBytes: number;
  readonly meanBytes: number;
  readonly meanRecords: number;
  /** The queue is of level ERROR or CRITICAL, or the retry queue. */
  readonly severe: boolean;
}

export interface PrefetchBudget {
  /** Maximum size of unacknowledged messages of all queues, in bytes. */
  readonly bytes: number;
  readonly batchRecords: number;
  /** Number of queues that currently share the budget. */
  readonly busyQueues: number;
}

/** Whether to review the prefetch: it is used up, or its messages exceed the queue's share of the budget. */
export function needsReview(load: QueueLoad, budget: PrefetchBudget): boolean {
  return load.outstanding >= load.prefetch || load.outstandingBytes > shareOf(load, budget);
}

/** The prefetch that the queue should have. Unchanged if the current one is suitable. */
export function adapted(load: QueueLoad, budget: PrefetchBudget): number {
  const useful = Math.ceil((BATCHES_AHEAD * budget.batchRecords) / Math.max(1, load.meanRecords));
  const affordable = Math.floor(shareOf(load, budget) / Math.max(1, load.meanBytes));
  const wanted = Math.max(FLOOR, Math.min(useful, affordable, load.prefetch * GROWTH, MAX_PREFETCH));
  // A subscription is renewed only for a significant change.
  return wanted >= load.prefetch * 1.5 || wanted <= load.prefetch / 2 ? wanted : load.prefetch;
}

/**
 * The prefetch to keep for a queue that had at most `peak` unacknowledged messages for a while. One more than the peak,
 * so that messages already waiting do not make it grow again.
 */
export function shrunk(load: QueueLoad, peak: number): number {
  return peak * 8 < load.prefetch ? Math.max(FLOOR, peak + 1) : load.prefetch;
}

function shareOf(load: QueueLoad, budget: PrefetchBudget): number {
  return (budget.bytes * (load.severe ? 1 : 1 - SEVERE_SHARE)) / Math.max(1, budget.busyQueues);
}
