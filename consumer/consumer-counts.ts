/** What a consumer has counted since it started. */
export interface ConsumerCounts {
  /** Records committed. */
  readonly stored: number;
  /** Records that the table already contained. */
  readonly duplicates: number;
  /** Records older than the retention period: acknowledged, not stored. */
  readonly expired: number;
  /** Records that the broker confirmed for a delay queue. */
  readonly retried: number;
  /** Records stored in `dead_letters`. */
  readonly deadLetters: number;
  /** Messages that the broker had delivered before. */
  readonly redelivered: number;
  /** Messages that were republished because they had been redelivered too often. */
  readonly rounds: number;
  /** Batches committed. */
  readonly batches: number;
  /** How often workers paused because PostgreSQL could not store batches. */
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
