/** Why a consumer is not well. Each has a section of this name in docs/operations.md; a test holds the two equal. */
export const HEALTH_REASONS = [
  'not-running',
  'broker-away',
  'no-queue',
  'storage-down',
  'no-worker',
  'idle-workers',
  'slow-write',
  'full-queue',
  'old-record',
  'notice',
] as const;

export type HealthReason = (typeof HEALTH_REASONS)[number];
