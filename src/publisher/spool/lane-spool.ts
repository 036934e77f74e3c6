/**
 * The records of one lane that are only on disk: a queue of ranges of segments. Written at its end, read at its start.
 */
import { setTimeout } from 'node:timers/promises';
import { mergeShares, type Share, takeShares } from '../account.js';
import { type Dropped, type Frame, freshFrame } from '../frames.js';
import { type CheckedLine, checkedBytes, checkedLines, HEAD_BYTES, readLines } from './checked-lines.js';
import type { Place, Segment } from './segment.js';
import { NUMBER_STEP } from './segment-name.js';
import { type Disk, SegmentWriter } from './segment-writer.js';

/**
 * How much is read at once, in bytes: the checksums of more would hold up the application's event loop. A larger record
 * is read whole.
 */
const READ_BYTES = 64 * 1024;

/** How often to try to read a file, and the time in between, in milliseconds. */
const READ_ATTEMPTS = 3;
const READ_AGAIN_MS = 1000;

/** Ordinal of records that were not read yet: those that were read go back in front of them. */
const UNREAD = Number.POSITIVE_INFINITY;

interface Range {
  segment: Segment;
  start: number;
  end: number;
  /** Number of records, all from `ordinal` on; undefined if another process wrote them: they are counted when read. */
  records: number | undefined;
  ordinal: number;
  readonly sequence: number;
  readonly shares: Share[];
}

export interface FrameLimits {
  readonly bytes: number;
  /** Time between the first and the last record, in seconds. */
  readonly spanS: number;
  /** Number of the next record of the lane. */
  readonly ordinal: number;
}

export interface Loaded {
  readonly frames: readonly Frame[];
  /** Records of other processes among them. */
  readonly adopted: number;
  /** Records that could not be read. */
  readonly lost: Dropped | undefined;
  /** Why. */
  readonly fault: string | undefined;
}

export class LaneSpool {
  readonly #disk: Disk;
  readonly #ranges: Range[] = [];
  readonly #end: SegmentWriter;
  /** For frames that are older than what is here already: a later process reads segments in the order of their numbers. */
  readonly #front: SegmentWriter;
  #frontNumber = 0;
  /** The record after the last one that was added at the end. */
  #nextOrdinal = 0;
  #records = 0;

  /** @param create makes a segment with this number, by default the next one; throws the system's error. */
  constructor(disk: Disk, create: (number?: number) => Segment) {
    this.#disk = disk;
    this.#end = new SegmentWriter(disk, () => create());
    this.#front = new SegmentWriter(disk, () => create(this.#frontNumber));
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Records of this process that are only here. */
  get records(): number {
    return this.#records;
  }

  /** Place of the oldest record in the order of all lanes. */
  get oldest(): number | undefined {
    return this.#ranges[0]?.sequence;
  }

  /**
   * Appends lines to the current segment.
   *
   * @returns where they are; undefined if they could not be written, which is reported.
   */
  write(body: Buffer, records: number, madeAtS: number, writer = this.#end): Place | undefined {
    const bytes = checkedBytes(body.length, records);
    const place = this.#disk.hasRoom(bytes)
      ? this.#disk.attempt(() => writer.append(checkedLines(body, records, madeAtS), records))
      : undefined;
    // What is not written now may be written later, between this segment and the next one.
    if (!place) writer.leave(undefined);
    return place;
  }

  /**
   * Takes over a frame. Its memory may be released.
   *
   * @returns false if it could not be written.
   */
  add(frame: Frame): boolean {
    // Nearly always the end. Frames that were in flight, or were read from here, go back to the front.
    let at = this.#ranges.length;
    while (at > 0 && this.#ranges[at - 1]!.ordinal > frame.ordinal) at--;
    const held = frame.place?.segment;
    const isThere = held !== undefined && !held.isGone && !held.isMissing;
    const place = isThere ? frame.place : this.#writeAt(at, frame);
    if (!place) return false;
    // What was written before does not count any more.
    if (frame.place && frame.place !== place) frame.place.segment.settle(frame.records);
    this.#records += frame.records;
    const before = this.#ranges[at - 1];
    if (before?.records !== undefined && isContinuedBy(before, place.segment, place.range.start, frame.ordinal)) {
      before.end = place.range.end;
      before.records += frame.records;
      mergeShares(before.shares, frame.shares);
    } else {
      const { records, ordinal, sequence } = frame;
      const shares = frame.shares.map((share) => ({ ...share }));
      this.#ranges.splice(at, 0, { segment: place.segment, ...place.range, records, ordinal, sequence, shares });
    }
    return true;
  }

  #writeAt(at: number, { body, records, madeAtS, ordinal }: Frame): Place | undefined {
    const [before, after] = [this.#ranges[at - 1]?.segment, this.#ranges[at]?.segment];
    if (after) {
      this.#frontNumber = before ? before.number + 1 : after.number - NUMBER_STEP + 1;
      this.#front.leave(before);
      return this.write(body, records, madeAtS, this.#front);
    }
    // Records in between are in flight. They may be written between this segment and the next one.
    if (ordinal !== this.#nextOrdinal) this.#end.leave(undefined);
    this.#nextOrdinal = ordinal + records;
    return this.write(body, records, madeAtS);
  }

  /** Adds a segment of a process that is gone. */
  adopt(segment: Segment): void {
    const { size } = segment;
    // It may have been cut.
    const start = Math.min(segment.start, size);
    if (start === size) {
      // Its process was killed before it had written to it, or after everything was confirmed.
      segment.remove();
      return;
    }
    // Keeps the file until all of it is read.
    segment.found(1);
    this.#ranges.push({ segment, start, end: size, records: undefined, ordinal: UNREAD, sequence: -1, shares: [] });
  }

  /** Reads the first frames. Undefined if there are none. */
  async load(limits: FrameLimits, attempt = 1): Promise<Loaded | undefined> {
    const range = this.#ranges[0];
    if (!range) return undefined;
    try {
      for (let bytes = READ_BYTES; ; bytes *= 4) {
        const end = Math.min(range.start + bytes, range.end);
        const chunk = await range.segment.read(range.start, end);
        // It was dropped in the meantime.
        if (this.#ranges[0] !== range) return await this.load(limits);
        const isShort = chunk.length < end - range.start;
        const read = readLines(chunk, isShort ? chunk.length : range.end - range.start);
        if (read.consumed === 0 && !isShort) continue;
        const consumed = isShort ? range.end - range.start : read.consumed;
        return this.#taken(range, chunk, read.lines, consumed, read.damaged, limits);
      }
    } catch (error) {
      if (this.#ranges[0] !== range) return this.load(limits);
      // It was left to the next process in the meantime.
      if (range.segment.isGone) return undefined;
      // There may be no free file descriptor at the moment.
      if (attempt < READ_ATTEMPTS && !range.segment.isMissing) {
        await setTimeout(READ_AGAIN_MS, undefined, { ref: false });
        return this.load(limits, attempt + 1);
      }
      const fault = `${range.segment.path} cannot be read: ${(error as Error).message}`;
      return { frames: [], adopted: 0, lost: this.#giveUp(range), fault };
    }
  }

  /** A range cannot be read. Its file stays if there is one, for a later look. */
  #giveUp(range: Range): Dropped | undefined {
    const { segment, records, ordinal, shares } = range;
    if (records !== undefined && segment.isMissing) return this.#finish(range);
    this.#ranges.shift();
    if (!this.#ranges.some((other) => other.segment === segment)) segment.release();
    if (records === undefined) return undefined;
    this.#records -= records;
    return { ordinal, records, shares, bytes: 0 };
  }

  #taken(
    range: Range,
    chunk: Buffer,
    lines: readonly CheckedLine[],
    consumed: number,
    damaged: number,
    limits: FrameLimits,
  ): Loaded {
    const isAdopted = range.records === undefined;
    if (isAdopted) {
      range.ordinal = limits.ordinal;
      range.segment.found(lines.length + damaged);
    }
    const frames = [...framesOf(chunk, lines, range, limits)];
    range.start += consumed;
    let lost: Dropped | undefined;
    if (isAdopted) {
      // They count as adopted like the intact ones, and have numbers of this lane.
      if (damaged > 0) lost = { ordinal: range.ordinal, records: damaged, shares: [], bytes: 0 };
      range.segment.settle(damaged);
    } else {
      range.records! -= lines.length;
      this.#records -= lines.length;
    }
    const rest = range.start >= range.end ? this.#finish(range) : undefined;
    lost ??= rest;
    const fault = lost && `${range.segment.path} is damaged`;
    return { frames, adopted: isAdopted ? lines.length + damaged : 0, lost, fault };
  }

  /** Everything of the range was read. Its records that were not found are lost. */
  #finish(range: Range): Dropped | undefined {
    this.#ranges.shift();
    const { records = 0, ordinal, shares } = range;
    const lost = records === 0 ? undefined : { ordinal, records, shares, bytes: 0 };
    this.#records -= records;
    range.segment.settle(range.records ?? 1);
    return lost;
  }

  /** Drops the oldest segment: all of its records that are only here. */
  dropOldest(): Dropped[] {
    const first = this.#ranges[0];
    const count = this.#ranges.findIndex(({ segment }) => segment !== first?.segment);
    const ranges = this.#ranges.splice(0, count === -1 ? this.#ranges.length : count);
    if (!first) return [];
    const { segment } = first;
    const dropped = ranges.map((range) => {
      const { records = segment.count(range.start), ordinal, shares } = range;
      if (range.records !== undefined) this.#records -= records;
      return { ordinal, records, shares, bytes: 0, isAdopted: range.records === undefined };
    });
    // The disk is needed now, not after the confirm of what was read before. Frames in memory may lie in between.
    const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    if (segment.size - first.start === bytes) segment.cutAt(first.start);
    for (const { records, isAdopted } of dropped) segment.settle(isAdopted ? 1 : records);
    return dropped;
  }

  /**
   * At the end of the process, when nothing of the lane is in memory: a later process skips what was confirmed or dropped.
   */
  mark(): void {
    const starts = new Map<Segment, number>();
    for (const { segment, start } of this.#ranges) starts.set(segment, Math.min(start, starts.get(segment) ?? start));
    for (const [segment, start] of starts) segment.startAt(start);
  }

  /**
   * At the end of the process: writes again what is only in files that have lost their names, which nobody would find.
   *
   * @returns the records that are lost with them.
   */
  rescue(): Dropped[] {
    const lost: Dropped[] = [];
    for (const range of [...this.#ranges]) {
      const { segment, start, end, records, ordinal, shares } = range;
      // An adopted one was taken by another process, which sends it.
      if (records === undefined || !segment.isMissing) continue;
      const content = segment.readNow(start, end);
      const place = content && this.#disk.attempt(() => this.#end.append(content, records));
      if (place) {
        Object.assign(range, { segment: place.segment, ...place.range });
      } else {
        this.#ranges.splice(this.#ranges.indexOf(range), 1);
        this.#records -= records;
        lost.push({ ordinal, records, shares, bytes: 0 });
      }
      segment.settle(records);
    }
    return lost;
  }
}

function isContinuedBy(range: Range, segment: Segment, start: number, ordinal: number): boolean {
  return range.segment === segment && range.end === start && range.ordinal + range.records! === ordinal;
}

/** Frames of the lines of a chunk, as large as the lane makes them. */
function* framesOf(chunk: Buffer, lines: readonly CheckedLine[], range: Range, limits: FrameLimits): Iterable<Frame> {
  const { segment, sequence, shares } = range;
  for (let first = 0; first < lines.length; ) {
    let bytes = 0;
    let after = first;
    for (; after < lines.length; after++) {
      const { start, end, madeAtS } = lines[after]!;
      // Damaged lines in between: the places of its messages are found by the sizes of their records.
      if (after > first && start - HEAD_BYTES !== lines[after - 1]!.end + 1) break;
      const isTooLarge = bytes + end - start + 1 > limits.bytes;
      const isTooLate = Math.abs(madeAtS - lines[first]!.madeAtS) > limits.spanS;
      if (after > first && (isTooLarge || isTooLate)) break;
      bytes += end - start + 1;
    }
    const body = Buffer.allocUnsafe(bytes - 1);
    let at = 0;
    for (const { start, end } of lines.slice(first, after)) {
      if (at > 0) at = body.writeUInt8(0x0a, at);
      at += chunk.copy(body, at, start, end);
    }
    const records = after - first;
    const from = range.start + lines[first]!.start - HEAD_BYTES;
    const place = { segment, range: { start: from, end: range.start + lines[after - 1]!.end + 1 } };
    const own = takeShares(shares, records);
    const { madeAtS } = lines[first]!;
    const { ordinal } = range;
    yield freshFrame({ ordinal, sequence, body, memory: undefined, records, shares: own, bytes, madeAtS, place });
    range.ordinal += records;
    first = after;
  }
}
