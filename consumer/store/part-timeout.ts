/**
 * How long PostgreSQL may take for a part of a batch: the part's share of the time of the whole. One slow record would
 * otherwise cost the full time again and again while it is looked for. Pure.
 */
import { bytesOf, type StoreItem } from './batch.js';

/** No part gets less than this share, nor less than this time: the server may be busy. */
const LEAST_SHARE = 0.1;
const LEAST_MS = 1000;
/** What a batch usually has. */
const USUAL_BYTES = 8 * 1024 * 1024;

/** Statement time-outs in milliseconds; 0 is none. */
export interface PartTimeouts {
  /** Of all records of the part together, at the first attempt. */
  readonly wholeMs: number;
  /** Of whatever is small or tried again. */
  readonly leastMs: number;
}

/** @param fullMs what the first attempt of a whole batch gets. */
export function timeoutsOf(fullMs: number): PartTimeouts {
  return { wholeMs: fullMs, leastMs: Math.min(fullMs, Math.max(Math.ceil(fullMs * LEAST_SHARE), LEAST_MS)) };
}

export function partTimeoutMs({ wholeMs, leastMs }: PartTimeouts, share: number): number {
  return Math.max(leastMs, Math.ceil(wholeMs * share));
}

/** In bytes or in records, whichever is more: a trigger takes its time for each record. */
export function shareOf(part: readonly StoreItem[], whole: readonly StoreItem[]): number {
  return Math.max(part.length / whole.length, bytesOf(part) / (bytesOf(whole) || 1));
}

/** For records that are tried again by themselves: of a batch as it usually is. */
export function shareOfUsual(part: readonly StoreItem[]): number {
  return Math.min(bytesOf(part) / USUAL_BYTES, 1);
}
