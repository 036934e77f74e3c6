/**
 * How many messages each queue may have on its way to us. AMQP counts messages where memory counts bytes, so the number
 * follows from what the messages of a queue weigh and hold. Pure.
 *
 * A busy queue's prefetch must not be below one batch (measured: 40 times slower); an idle one costs nothing at 1, which
 * is what makes hundreds of queues possible.
 */
export const FLOOR = 1;
/** From a floor of 1, three steps reach any prefetch, and a queue with one message a minute is not overrated. */
const GROWTH = 32;
/** Two batches: one is written while the next one fills. */
const BATCHES_AHEAD = 2;
/** Part of the budget that only `error` and `critical` queues may use. */
const SEVERE_SHARE = 0.25;
/** AMQP's prefetch is an unsigned 16-bit number. */
const MAX_PREFETCH = 65_535;

export interface QueueLoad {
  readonly prefetch: number;
  /** Messages that are delivered and not acknowledged. */
  readonly outstanding: number;
  /** About what they take in memory, properties included. */
  readonly outstandingBytes: number;
  readonly meanBytes: number;
  readonly meanRecords: number;
  /** Of level ERROR or CRITICAL, or the retry queue. */
  readonly severe: boolean;
}

export interface PrefetchBudget {
  /** Bytes that all queues together may hold. */
  readonly bytes: number;
  readonly batchRecords: number;
  /** How many queues share the budget at the moment. */
  readonly busyQueues: number;
}

/** Whether its prefetch should be looked at: it has as many messages on their way as it may, or they weigh too much. */
export function wantsAnother(load: QueueLoad, budget: PrefetchBudget): boolean {
  return load.outstanding >= load.prefetch || load.outstandingBytes > shareOf(load, budget);
}

/** What such a queue should get, more or less than it has. The same number when it has what it can use. */
export function adapted(load: QueueLoad, budget: PrefetchBudget): number {
  const useful = Math.ceil((BATCHES_AHEAD * budget.batchRecords) / Math.max(1, load.meanRecords));
  const affordable = Math.floor(shareOf(load, budget) / Math.max(1, load.meanBytes));
  const wanted = Math.max(FLOOR, Math.min(useful, affordable, load.prefetch * GROWTH, MAX_PREFETCH));
  // A subscription is renewed only for a change that matters.
  return wanted >= load.prefetch * 1.5 || wanted <= load.prefetch / 2 ? wanted : load.prefetch;
}

/**
 * What a queue keeps that used little of its prefetch for a while, `peak` messages at once at most. One more than that, so
 * that messages that lie waiting do not let it grow again by themselves.
 */
export function shrunk(load: QueueLoad, peak: number): number {
  return peak * 8 < load.prefetch ? Math.max(FLOOR, peak + 1) : load.prefetch;
}

function shareOf(load: QueueLoad, budget: PrefetchBudget): number {
  return (budget.bytes * (load.severe ? 1 : 1 - SEVERE_SHARE)) / Math.max(1, budget.busyQueues);
}
