/** Kinds of health reasons. Each has a section of this name in docs/operations.md, which a test checks. */
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
