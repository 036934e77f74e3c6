export interface SmallDisk {
  /** Writable by the test server's user. */
  folder: string;
  /** Fills the disk to the last block. */
  fill(): Promise<void>;
  /** Removes the data written by `fill()`. */
  free(): Promise<void>;
  unmount(): Promise<void>;
}

/** Mounts an in-memory file system of this size; undefined if this user may not mount one. */
export function mountSmallDisk(bytes: number): Promise<SmallDisk | undefined>;
