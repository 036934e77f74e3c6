/** Counts of the scheduled maintenance of the tables. */

/** Since the start. */
export interface MaintenanceCounts {
  /** Partitions that were made ahead. Those that a batch needed at once are made by workers, and are not among them. */
  readonly partitionsMade: number;
  /** Whole partitions that were dropped because all of their records were old enough. */
  readonly partitionsDropped: number;
  /** Records that were deleted one by one. */
  readonly recordsDeleted: number;
  /** Passes that failed, or left something for later that is old enough to be deleted. */
  readonly failures: number;
}

export function noMaintenanceCounts(): MutableMaintenanceCounts {
  return { partitionsMade: 0, partitionsDropped: 0, recordsDeleted: 0, failures: 0 };
}

type MutableMaintenanceCounts = { -readonly [K in keyof MaintenanceCounts]: MaintenanceCounts[K] };
