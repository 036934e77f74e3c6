/**
 * A segment: a file with records of one lane. Appended to by one process, read once, and deleted when the broker has
 * confirmed all of its records.
 */
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { NOBODY } from './owner.js';
import { formatName, type SegmentName } from './segment-name.js';

/** Where the lines of a frame are in a segment. */
export interface Place {
  readonly segment: Segment;
  /** [start, end) in bytes. */
  readonly range: { readonly start: number; readonly end: number };
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDWR } = constants;
// Not on Windows.
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;

/**
 *   open ── close(), or its name is gone ──▶ closed ── all settled, or released ──▶ gone
 *
 * Lines are appended only while it is open. `gone`: it was deleted, or left to other processes.
 */
type State = 'open' | 'closed' | 'gone';

export class Segment {
  #name: SegmentName;
  readonly #folder: string;
  /** Size in bytes. */
  #size: number;
  /** Records in it that are neither confirmed nor dropped. */
  #unsettled = 0;
  #state: State;
  /** Kept beyond `open` if the file has lost its name: then it is the only way to its content. */
  #fd: number | undefined;
  readonly #onSize: (bytes: number) => void;
  readonly #isReused: boolean;

  private constructor(
    folder: string,
    name: SegmentName,
    size: number,
    onSize: (bytes: number) => void,
    { state, isReused }: { state: State; isReused: boolean },
  ) {
    this.#state = state;
    this.#isReused = isReused;
    this.#name = name;
    this.#folder = folder;
    this.#size = size;
    this.#onSize = onSize;
  }

  /**
   * @param onSize receives each change of its size.
   * @param isReused whether it is emptied instead of deleted while it is still appended to.
   * @param sync whether its name must survive a power failure.
   * @throws the system's error.
   */
  static create(
    folder: string,
    name: SegmentName,
    onSize: (bytes: number) => void,
    { isReused, sync }: { isReused: boolean; sync: boolean },
  ): Segment {
    const segment = new Segment(folder, name, 0, onSize, { state: 'open', isReused });
    segment.#fd = openSync(segment.path, O_APPEND | O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600);
    if (sync) syncFolder(folder);
    return segment;
  }

  /** One that another process has written. */
  static adopted(folder: string, name: SegmentName, size: number, onSize: (bytes: number) => void): Segment {
    onSize(size);
    return new Segment(folder, name, size, onSize, { state: 'closed', isReused: false });
  }

  get path(): string {
    return path.join(this.#folder, formatName(this.#name));
  }

  get number(): number {
    return this.#name.number;
  }

  /** The first byte that is not confirmed. */
  get start(): number {
    return this.#name.start;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether lines can be appended. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** It was deleted, or left to other processes. */
  get isGone(): boolean {
    return this.#state === 'gone';
  }

  /** The file has lost its name: somebody has deleted the folder, or another process has taken it. */
  get isMissing(): boolean {
    return !this.isGone && !existsSync(this.path);
  }

  /** Appends nothing more if the file has lost its name: nobody would find it after the end of this process. */
  check(): void {
    if (this.isMissing) this.close();
  }

  /** Leaves it to the next process that starts. */
  release(): void {
    this.close();
    if (this.isGone) return;
    // If it fails, it is found when this process is gone.
    this.#rename({ ...this.#name, owner: NOBODY });
    this.#state = 'gone';
    this.#grow(-this.#size);
  }

  /** What is before this byte was confirmed or dropped: a later process skips it. */
  startAt(start: number): void {
    // If it fails, all of it is sent again, and stored once.
    if (!this.isGone && start > this.start) this.#rename({ ...this.#name, start });
  }

  #rename(name: SegmentName): void {
    try {
      renameSync(this.path, path.join(this.#folder, formatName(name)));
      this.#name = name;
    } catch {
      // The file has lost its name, or the folder may not be written to any more.
    }
  }

  /**
   * Appends all of it or nothing.
   *
   * @throws the system's error.
   */
  append(bytes: Buffer, records: number, sync: boolean): void {
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd!, bytes, written);
      if (sync) fsyncSync(this.#fd!);
    } catch (error) {
      // On a full disk a part of it may have been written.
      if (written > 0) ftruncateSync(this.#fd!, this.#size);
      throw error;
    }
    this.#grow(bytes.length);
    this.#unsettled += records;
  }

  /** Nothing more is appended. */
  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closed';
    if (this.#unsettled === 0) this.remove();
    else if (!this.isMissing) this.#closeFile();
  }

  #closeFile(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Number of lines from this place on; 0 if it cannot be read. */
  count(start: number): number {
    try {
      const content = readFileSync(this.path);
      let lines = 0;
      for (let at = content.indexOf(0x0a, start); at !== -1; at = content.indexOf(0x0a, at + 1)) lines++;
      return lines;
    } catch {
      return 0;
    }
  }

  /** Counts records of an adopted segment that were read. */
  found(records: number): void {
    this.#unsettled += records;
  }

  /** Records of it were confirmed or dropped. Deletes it, or empties it if it is still appended to, after the last one. */
  settle(records: number): void {
    // Left to another process, which must find it.
    if (this.isGone) return;
    this.#unsettled -= records;
    if (this.#unsettled > 0) return;
    // After `startAt()`, what is written to its beginning would be skipped.
    if (this.#state === 'open' && this.#isReused && this.start === 0) this.cutAt(0);
    else this.remove();
  }

  /** Removes what comes after this place. */
  cutAt(size: number): void {
    try {
      if (this.#fd !== undefined) ftruncateSync(this.#fd, size);
      else truncateSync(this.path, size);
    } catch {
      // It is sent again by the next start, and stored once. What is appended would not be where it is thought to be.
      this.close();
      return;
    }
    this.#grow(size - this.#size);
  }

  remove(): void {
    this.#closeFile();
    this.#state = 'gone';
    try {
      unlinkSync(this.path);
    } catch {
      // As above.
    }
    this.#grow(-this.#size);
  }

  /**
   * @returns the bytes from `start` to `end`, fewer if the file has become shorter.
   * @throws the system's error.
   */
  async read(start: number, end: number): Promise<Buffer> {
    let handle: Awaited<ReturnType<typeof open>>;
    const place = this.path;
    try {
      handle = await open(place, constants.O_RDONLY | O_NOFOLLOW);
    } catch (error) {
      // Renamed in the meantime, by this process.
      if (this.path !== place) return this.read(start, end);
      // Somebody has deleted the folder. The open file still has its content.
      const content = this.readNow(start, end);
      if (content) return content;
      throw error;
    }
    const buffer = Buffer.allocUnsafe(end - start);
    try {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  }

  /** The same, at once, from a file that has lost its name; undefined if it is not open any more. */
  readNow(start: number, end: number): Buffer | undefined {
    if (this.#fd === undefined) return undefined;
    const buffer = Buffer.allocUnsafe(end - start);
    return buffer.subarray(0, readSync(this.#fd, buffer, 0, buffer.length, start));
  }

  #grow(bytes: number): void {
    this.#size += bytes;
    this.#onSize(bytes);
  }
}

/** A power failure loses a new name until its folder is on the disk too. Node cannot open folders on Windows. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
