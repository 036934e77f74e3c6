/**
 * One service and level on its way to one queue. A record is in exactly one of three places, and moves only forward,
 * or, if the broker did not confirm it, back to its place in the order of the calls:
 *
 *   add() ─▶ open lines ── cut() ─▶ waiting frames ── take() ─▶ in flight ── confirmed() ─▶ gone
 *                                        ▲                          │
 *                                        └──────── giveBack() ──────┘
 *
 * Pure: no sockets, no clock.
 */
import { writeLine } from '../frame.js';
import type { Level } from '../level.js';
import { FlushTracker } from './flushes.js';
import type { Account, BodyPool, Frame, Share } from './frames.js';
import { ArrivalOrder, addTo, FrameQueue, freshFrame, split } from './frames.js';

/** A frame is closed when its lines reach this size, in bytes. A larger single record is a frame of its own. */
export const FRAME_BYTES = 64 * 1024;

/** The lines of the frame that is still being filled. */
interface OpenLines {
  readonly ordinal: number;
  readonly sequence: number;
  readonly memory: Buffer;
  filled: number;
  records: number;
  readonly shares: Share[];
  /** Size of the lines, each with its newline. */
  bytes: number;
}

export class Lane {
  readonly service: string;
  readonly level: Level;
  readonly #recordsPerFrame: number;
  readonly #bodies: BodyPool;
  #open: OpenLines | undefined;
  /** Frames that were never published. */
  readonly #fresh = new FrameQueue<Frame>();
  /** Frames that were published and not confirmed. All are older than the fresh ones. */
  readonly #returned = new FrameQueue<Frame>();
  readonly #inFlight = new Set<Frame>();
  #bytesInFlight = 0;
  readonly #arrivalOrder: ArrivalOrder;
  /** Records that were ever added. */
  #added = 0;
  #records = 0;
  #bytes = 0;
  readonly #flushTracker = new FlushTracker();

  /** Largest message that the broker accepts, in bytes, as far as is known. */
  #largestBody = Number.POSITIVE_INFINITY;

  nacks = 0;
  returns = 0;

  /**
   * @param bodies provides buffers of FRAME_BYTES.
   * @param arrivalOrder the order that all lanes of a publisher share.
   */
  constructor(
    service: string,
    level: Level,
    recordsPerFrame: number,
    bodies: BodyPool,
    arrivalOrder = new ArrivalOrder(),
  ) {
    this.service = service;
    this.level = level;
    this.#recordsPerFrame = recordsPerFrame;
    this.#bodies = bodies;
    this.#arrivalOrder = arrivalOrder;
  }

  get hasWaiting(): boolean {
    return this.#fresh.length > 0 || this.#returned.length > 0;
  }

  get hasOpenLines(): boolean {
    return this.#open !== undefined;
  }

  get isEmpty(): boolean {
    return this.#records === 0;
  }

  get framesInFlight(): number {
    return this.#inFlight.size;
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Records in this lane, in flight or not. */
  get records(): number {
    return this.#records;
  }

  /** Size of their lines, each with its newline. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * May throw halfway if the caller's stack is nearly exhausted. Then either `bytes` has grown and the record is kept,
   * or nothing has changed. So no function is called between two steps that belong together.
   *
   * @param bytes size of the line in UTF-8, with its newline.
   * @param account the integration that the record belongs to.
   */
  add(line: string, bytes: number, nowMs: number, account: Account): void {
    if (this.#open && !this.#hasRoom(this.#open, bytes)) this.cut(nowMs);
    const ordinal = this.#added;
    const sequence = this.#arrivalOrder.next(bytes);
    if (bytes > this.#frameBytes) {
      const shares = [{ account, records: 1 }];
      const body = Buffer.from(line);
      const madeAtS = secondsOf(nowMs);
      this.#fresh.push(freshFrame({ ordinal, sequence, body, memory: undefined, records: 1, shares, bytes, madeAtS }));
      this.#added++;
      this.#records++;
      this.#bytes += bytes;
      return;
    }
    this.#open ??= { ordinal, sequence, memory: this.#bodies.take(), filled: 0, records: 0, shares: [], bytes: 0 };
    const open = this.#open;
    open.filled = writeLine(open.memory, open.filled, line, bytes - 1);
    addTo(open.shares, account);
    open.records++;
    open.bytes += bytes;
    this.#added++;
    this.#records++;
    this.#bytes += bytes;
    if (this.#isFull(open)) this.cut(nowMs);
  }

  #hasRoom(open: OpenLines, bytes: number): boolean {
    return !this.#isFull(open) && open.bytes + bytes <= this.#frameBytes && !this.#arrivalOrder.isPast(open.sequence);
  }

  #isFull({ bytes, records }: OpenLines): boolean {
    return bytes >= this.#frameBytes || records >= this.#recordsPerFrame;
  }

  /** Counted like `Frame.bytes`, with a newline for each record; the body has none after the last one. */
  get #frameBytes(): number {
    return Math.min(FRAME_BYTES, this.#largestBody + 1);
  }

  /** Closes the open lines into a frame. */
  cut(nowMs: number): void {
    if (!this.#open) return;
    const { memory, filled, ...rest } = this.#open;
    const lines = memory.subarray(0, filled);
    // A few lines must not occupy a whole buffer while they wait.
    const copied = filled < FRAME_BYTES / 2;
    const content = copied ? { body: Buffer.from(lines), memory: undefined } : { body: lines, memory };
    this.#fresh.push(freshFrame({ ...rest, ...content, madeAtS: secondsOf(nowMs) }));
    this.#open = undefined;
    if (copied) this.#bodies.giveBack(memory);
  }

  /** The next frame to publish, now in flight. */
  take(): Frame | undefined {
    const frame = this.#next();
    if (frame) {
      this.#inFlight.add(frame);
      this.#bytesInFlight += frame.bytes;
    }
    return frame;
  }

  /** False once the frame was dropped. */
  isInFlight(frame: Frame): boolean {
    return this.#inFlight.has(frame);
  }

  confirmed(frame: Frame): void {
    // The broker has it, so its buffer can be reused. A dropped frame may still be in a socket.
    if (this.#removeInFlight(frame)) {
      this.#settle(frame);
      if (frame.memory) this.#bodies.giveBack(frame.memory);
    }
  }

  /** Not confirmed: the frame waits again, ahead of everything that was logged after it. */
  giveBack(frame: Frame): void {
    this.#removeInFlight(frame);
    frame.attempts++;
    this.#returned.push(frame);
  }

  #next(): Frame | undefined {
    return this.#returned.shift() ?? this.#fresh.shift();
  }

  #removeInFlight(frame: Frame): boolean {
    const wasInFlight = this.#inFlight.delete(frame);
    if (wasInFlight) this.#bytesInFlight -= frame.bytes;
    return wasInFlight;
  }

  /** Place of the oldest record that is not in flight, in the order of all lanes; undefined if there is none. */
  get oldest(): number | undefined {
    return (this.#returned.first ?? this.#fresh.first ?? this.#open)?.sequence;
  }

  /** Drops the oldest frame that is not in flight. Closes the open lines if there is no other. */
  dropOldest(nowMs: number): Frame | undefined {
    if (!this.hasWaiting) this.cut(nowMs);
    const frame = this.#next();
    if (frame) this.#settle(frame);
    return frame;
  }

  /**
   * Limits the size of all frames, including the waiting ones. Drops and returns single records that are larger: the
   * broker would refuse them forever, and block everything behind them.
   */
  limitBodies(largestBody: number, nowMs: number): Frame[] {
    const fitsAll = largestBody > this.#largestBody || largestBody === Number.POSITIVE_INFINITY;
    this.#largestBody = largestBody;
    // Called for each new connection, when many frames may wait.
    if (fitsAll) return [];
    if (this.#open && this.#open.bytes > this.#frameBytes) this.cut(nowMs);
    const dropped: Frame[] = [];
    for (const queue of [this.#returned, this.#fresh]) {
      const frames = [...queue];
      queue.clear();
      for (const frame of frames) {
        const parts = frame.body.length > largestBody && frame.records > 1 ? split(frame, largestBody) : [frame];
        for (const part of parts) {
          if (part.body.length > largestBody) dropped.push(part);
          else queue.push(part);
        }
      }
    }
    for (const frame of dropped) this.#settle(frame);
    return dropped;
  }

  /**
   * Appends frames of another lane, in their order.
   *
   * @returns the sequence of the first one; each following one is 1 higher.
   */
  adopt(frames: Iterable<Pick<Frame, 'body' | 'records' | 'madeAtS'>>): number {
    let first: number | undefined;
    for (const { body, records, madeAtS } of frames) {
      const bytes = body.length + 1;
      const sequence = this.#arrivalOrder.next(1);
      first ??= sequence;
      const ordinal = this.#added;
      this.#fresh.push(freshFrame({ ordinal, sequence, body, records, madeAtS, bytes, memory: undefined, shares: [] }));
      this.#added += records;
      this.#records += records;
      this.#bytes += bytes;
    }
    return first ?? 0;
  }

  /** Removes everything and returns it, in the order of the calls. */
  drain(nowMs: number): Frame[] {
    this.cut(nowMs);
    const frames = [...this.#inFlight, ...this.#returned, ...this.#fresh];
    this.#clear();
    return frames.sort((a, b) => a.ordinal - b.ordinal);
  }

  #clear(): void {
    this.#returned.clear();
    this.#fresh.clear();
    this.#inFlight.clear();
    this.#bytesInFlight = 0;
    this.#records = 0;
    this.#bytes = 0;
    this.#flushTracker.settledUpTo(this.#added);
  }

  /** Calls `done` when everything accepted until now is confirmed or dropped. Returns false if it is already. */
  watch(done: () => void): boolean {
    if (this.isEmpty) return false;
    this.#flushTracker.add(this.#added, done);
    return true;
  }

  #settle(frame: Frame): void {
    this.#records -= frame.records;
    this.#bytes -= frame.bytes;
    this.#flushTracker.settled(frame.ordinal, frame.records);
  }
}

function secondsOf(ms: number): number {
  return Math.floor(ms / 1000);
}
