/** Appends the lines of a lane to segments, to the next one when one is full. */
import type { Place, Segment } from './segment.js';

/** The disk that all lanes of a publisher share. */
export interface Disk {
  /** A segment is closed at this size, in bytes. */
  readonly segmentBytes: number;
  readonly config: { readonly fsync: boolean };
  hasRoom(bytes: number): boolean;
  /** Runs a write. Undefined if it failed, or is not tried at the moment. */
  attempt<T>(write: () => T): T | undefined;
}

export class SegmentWriter {
  readonly #disk: Disk;
  readonly #create: () => Segment;
  #segment: Segment | undefined;

  /** @param create makes the next segment; throws the system's error. */
  constructor(disk: Disk, create: () => Segment) {
    this.#disk = disk;
    this.#create = create;
  }

  /** What is appended next begins a new segment, unless the current one is this one. */
  leave(segment: Segment | undefined): void {
    if (this.#segment === segment) return;
    this.#segment?.close();
    this.#segment = undefined;
  }

  /** @throws the system's error. */
  append(lines: Buffer, records: number): Place {
    const size = this.#segment?.size ?? 0;
    if (size > 0 && size + lines.length > this.#disk.segmentBytes) this.#segment!.close();
    const segment = this.#segment?.isOpen ? this.#segment : this.#create();
    this.#segment = segment;
    const start = segment.size;
    try {
      segment.append(lines, records, this.#disk.config.fsync);
    } catch (error) {
      // What comes later must not stand behind a half-written line.
      segment.close();
      throw error;
    }
    return { segment, range: { start, end: segment.size } };
  }
}
