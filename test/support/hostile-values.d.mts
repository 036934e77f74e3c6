export interface HostileValue {
  readonly name: string;
  /** A new value, to stand as a field of `information`. */
  make(): unknown;
  /**
   * Throws an AssertionError unless the field, read back from JSON (or from jsonb), is what the contract says; undefined
   * where the field is not there.
   */
  expect(field: unknown): void;
}

/** Every value that has ever broken a logger. With the default limit of 1 MiB a record. */
export const hostileValues: readonly HostileValue[];
