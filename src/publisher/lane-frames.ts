/**
 * The closed frames of a lane: in flight, or waiting in the order of the calls:
 *
 *   older frames (memory) ─▶ spool (disk) ─▶ fresh frames (memory)
 *
 * A frame is added at the end. If memory is full, the oldest fresh frame moves to the spool. Frames that were read from
 * the spool, or were published and not confirmed, are older than everything in the spool. Pure, apart from the spool.
 */
import { type Frame, FrameQueue, split, splitOff } from './frames.js';
import type { FrameLimits, LaneSpool, Loaded } from './spool/lane-spool.js';

export class LaneFrames {
  readonly #spool: LaneSpool | undefined;
  readonly #recordsPerMessage: number;
  readonly #older = new FrameQueue<Frame>();
  readonly #fresh = new FrameQueue<Frame>();
  #freshBytes = 0;
  readonly #inFlight = new Set<Frame>();
  #bytesInFlight = 0;
  #isLoading = false;

  constructor(spool: LaneSpool | undefined, recordsPerMessage: number) {
    this.#spool = spool;
    this.#recordsPerMessage = recordsPerMessage;
  }

  /** Whether `take()` has a message. */
  get hasNext(): boolean {
    return this.#older.length > 0 || (this.#fresh.length > 0 && this.#isSpoolEmpty);
  }

  get #isSpoolEmpty(): boolean {
    return this.#spool === undefined || this.#spool.isEmpty;
  }

  /** The next frame must be read from the spool first. */
  get mustLoad(): boolean {
    return this.#older.length === 0 && !this.#isSpoolEmpty;
  }

  /** Size of the frames that can move to the spool, in bytes of memory. */
  get freshBytes(): number {
    return this.#freshBytes;
  }

  /** Place of the oldest record in the order of all lanes. */
  get oldest(): number | undefined {
    return this.#older.first?.sequence ?? this.#spool?.oldest ?? this.#fresh.first?.sequence;
  }

  /** A new frame. */
  push(frame: Frame): void {
    this.#fresh.push(frame);
    this.#freshBytes += frame.bytes;
  }

  get framesInFlight(): number {
    return this.#inFlight.size;
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /**
   * The next message to publish, now in flight: a frame, or the first records of one. Records that are messages of their
   * own wait together as well: as thousands of frames they would cost seconds of garbage collection.
   */
  take(): Frame | undefined {
    const isFresh = this.#older.length === 0;
    if (isFresh && !this.#isSpoolEmpty) return undefined;
    const queue = isFresh ? this.#fresh : this.#older;
    const first = queue.first;
    if (!first) return undefined;
    const [message, rest] = splitOff(first, this.#recordsPerMessage);
    if (rest) queue.replaceFirst(rest);
    else queue.shift();
    if (isFresh) this.#freshBytes -= message.bytes;
    this.#inFlight.add(message);
    this.#bytesInFlight += message.bytes;
    return message;
  }

  /** False once the frame was dropped. */
  isInFlight(frame: Frame): boolean {
    return this.#inFlight.has(frame);
  }

  /** Not in flight any more. Returns false if it was dropped before. */
  landed(frame: Frame): boolean {
    const wasInFlight = this.#inFlight.delete(frame);
    if (wasInFlight) this.#bytesInFlight -= frame.bytes;
    return wasInFlight;
  }

  /** Not confirmed: the frame waits again, before everything that was logged after it. */
  giveBack(frame: Frame): void {
    this.landed(frame);
    frame.attempts++;
    this.#older.push(frame);
  }

  /** Whether `shift()` has a frame: `take()` may have none, because older ones are on disk. */
  get isWaitingInMemory(): boolean {
    return this.#older.length > 0 || this.#fresh.length > 0;
  }

  /** Removes the first waiting frame in memory. */
  shift(): Frame | undefined {
    return this.#older.shift() ?? this.#shiftFresh();
  }

  #shiftFresh(): Frame | undefined {
    const frame = this.#fresh.shift();
    if (frame) this.#freshBytes -= frame.bytes;
    return frame;
  }

  /**
   * Moves the oldest fresh frame to the spool.
   *
   * @returns the frame, whose memory can be released; undefined if there is none, or it cannot be written.
   */
  spill(): Frame | undefined {
    const frame = this.#shiftFresh();
    if (frame === undefined || this.#spool?.add(frame)) return frame;
    this.push(frame);
    return undefined;
  }

  /** Reads the first frames of the spool into memory. Undefined if there was nothing to read. */
  async load(limits: FrameLimits): Promise<Loaded | undefined> {
    if (this.#isLoading) return undefined;
    this.#isLoading = true;
    try {
      const loaded = await this.#spool?.load(limits);
      for (const frame of loaded?.frames ?? []) this.#older.push(frame);
      return loaded;
    } finally {
      this.#isLoading = false;
    }
  }

  /**
   * Splits frames in memory that are larger than this.
   *
   * @returns single records that are larger, which were removed.
   */
  limit(largestBody: number): Frame[] {
    const tooLarge: Frame[] = [];
    for (const queue of [this.#older, this.#fresh]) {
      const frames = [...queue];
      queue.clear();
      for (const frame of frames) {
        const parts = frame.body.length > largestBody && frame.records > 1 ? split(frame, largestBody) : [frame];
        for (const part of parts) (part.body.length > largestBody ? tooLarge : queue).push(part);
      }
    }
    this.#freshBytes = 0;
    for (const { bytes } of this.#fresh) this.#freshBytes += bytes;
    return tooLarge;
  }

  /** Removes all frames in memory and returns them, in the order of the calls. */
  drain(): Frame[] {
    const frames = [...this.#inFlight, ...this.#older, ...this.#fresh];
    this.#older.clear();
    this.#fresh.clear();
    this.#freshBytes = 0;
    this.#inFlight.clear();
    this.#bytesInFlight = 0;
    return frames.sort((a, b) => a.ordinal - b.ordinal);
  }
}
