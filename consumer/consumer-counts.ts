/** What a consumer has counted. */

/** Since the start. */
export interface ConsumerCounts {
  /** Records that were committed. */
  readonly stored: number;
  /** Records that were in the table already. */
  readonly duplicates: number;
  /** Records that came when they were older than they are to be kept: acknowledged, and not stored. */
  readonly expired: number;
  /** Records that the broker confirmed in a delay queue. */
  readonly retried: number;
  /** Records that went into `dead_letters`. */
  readonly deadLetters: number;
  /** Messages that the broker had handed out before. */
  readonly redelivered: number;
  /** Messages that were republished because they had come back too often. */
  readonly rounds: number;
  /** Batches that were committed. */
  readonly batches: number;
  /** How often storage was paused. */
  readonly pauses: number;
}

export type MutableCounts = { -readonly [K in keyof ConsumerCounts]: number };

export function noCounts(): MutableCounts {
  return {
    stored: 0,
    duplicates: 0,
    expired: 0,
    retried: 0,
    deadLetters: 0,
    redelivered: 0,
    rounds: 0,
    batches: 0,
    pauses: 0,
  };
}
