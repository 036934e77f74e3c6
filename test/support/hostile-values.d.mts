export interface HostileValue {
  readonly name: string;
  /** Creates a value for a field of `information`. */
  make(): unknown;
  /**
   * Throws an AssertionError unless the field, read back from JSON (or jsonb), is as specified; undefined if the field
   * is missing.
   */
  expect(field: unknown): void;
}

/** Values that have broken loggers, for the default limit of 1 MiB a record. */
export const hostileValues: readonly HostileValue[];
