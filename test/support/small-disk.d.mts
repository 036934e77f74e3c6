export interface SmallDisk {
  /** The test server's user may write to it. */
  folder: string;
  /** To the last block. */
  fill(): Promise<void>;
  /** Takes away what `fill()` wrote. */
  free(): Promise<void>;
  unmount(): Promise<void>;
}

/** A file system in memory of this size; undefined where this user may not mount one. */
export function mountSmallDisk(bytes: number): Promise<SmallDisk | undefined>;
