/** Counts of the scheduled table maintenance, since the start. */
export interface MaintenanceCounts {
  /** Partitions created in advance. Excludes those that workers create because a batch needs them immediately. */
  readonly partitionsMade: number;
  /** Partitions dropped because all of their records had expired. */
  readonly partitionsDropped: number;
  /** Expired records deleted individually. */
  readonly recordsDeleted: number;
  /** Passes that failed, or left expired records for a later pass. */
  readonly failures: number;
}

export function noMaintenanceCounts(): MutableMaintenanceCounts {
  return { partitionsMade: 0, partitionsDropped: 0, recordsDeleted: 0, failures: 0 };
}

type MutableMaintenanceCounts = { -readonly [K in keyof MaintenanceCounts]: MaintenanceCounts[K] };
