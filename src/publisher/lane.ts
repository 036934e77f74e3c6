/**
 * One service and level on its way to one queue. A record is in exactly one of three places here, and moves only forward
 * or, when the broker did not take it, back to where it came from in the order of the calls:
 *
 *   add() ─▶ open lines ── cut() ─▶ waiting frames ── take() ─▶ in flight ── confirmed() ─▶ gone
 *                                        ▲                          │
 *                                        └──────── giveBack() ──────┘
 *
 * Pure: it knows neither sockets nor clocks.
 */
import { writeLine } from '../frame.js';
import type { Level } from '../level.js';
import { FlushTracker } from './flushes.js';
import type { BodyPool } from './frames.js';
import { type Account, ArrivalOrder, addTo, type Frame, FrameQueue, freshFrame, type Share, split } from './frames.js';

/** A frame is closed when its lines reach this size; a larger single record is a frame of its own. */
export const FRAME_BYTES = 64 * 1024;

/** The lines that wait for company. */
interface OpenLines {
  readonly sequence: number;
  readonly memory: Buffer;
  filled: number;
  records: number;
  readonly shares: Share[];
  /** Their lines with a newline each. */
  bytes: number;
}

export class Lane {
  readonly service: string;
  readonly level: Level;
  readonly #recordsPerFrame: number;
  readonly #bodies: BodyPool;
  #open: OpenLines | undefined;
  /** Never taken yet. */
  readonly #fresh = new FrameQueue<Frame>();
  /** Taken and given back: each of them older than all that are fresh. */
  readonly #returned = new FrameQueue<Frame>();
  readonly #inFlight = new Set<Frame>();
  #bytesInFlight = 0;
  readonly #arrivalOrder: ArrivalOrder;
  /** Of the frame that was closed last. */
  #lastSequence = -1;
  #records = 0;
  #bytes = 0;
  readonly #flushTracker = new FlushTracker();

  /** The largest message that the broker takes, as far as it is known. */
  #largestBody = Number.POSITIVE_INFINITY;

  nacks = 0;
  returns = 0;

  /**
   * @param bodies gives memory of FRAME_BYTES.
   * @param arrivalOrder the order that it shares with other lanes.
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

  /** Records that are kept, wherever they are. */
  get records(): number {
    return this.#records;
  }

  /** Their lines with a newline each. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * May throw in the middle where the caller has left next to nothing of the stack: then either `bytes` has grown and the
   * record is kept, or nothing has changed. So nothing is called between two steps that belong together.
   *
   * @param bytes size of the line in UTF-8, with its newline.
   * @param account whose record it is.
   */
  add(line: string, bytes: number, nowMs: number, account: Account): void {
    if (this.#open && !this.#hasRoom(this.#open, bytes)) this.cut(nowMs);
    const sequence = this.#arrivalOrder.next(bytes);
    if (bytes > this.#frameBytes) {
      const shares = [{ account, records: 1 }];
      const body = Buffer.from(line);
      this.#push({ sequence, body, memory: undefined, records: 1, shares, bytes, madeAtS: secondsOf(nowMs) });
      this.#records++;
      this.#bytes += bytes;
      return;
    }
    this.#open ??= { sequence, memory: this.#bodies.take(), filled: 0, records: 0, shares: [], bytes: 0 };
    const open = this.#open;
    open.filled = writeLine(open.memory, open.filled, line, bytes - 1);
    addTo(open.shares, account);
    open.records++;
    open.bytes += bytes;
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

  /** Counted as `Frame.bytes`, with a newline for each record: the body has none behind the last one. */
  get #frameBytes(): number {
    return Math.min(FRAME_BYTES, this.#largestBody + 1);
  }

  /** Closes the open lines into a frame that can be taken. */
  cut(nowMs: number): void {
    if (!this.#open) return;
    const { sequence, memory, filled, records, shares, bytes } = this.#open;
    const lines = memory.subarray(0, filled);
    // A few lines must not hold the memory of many for as long as they wait.
    const copied = filled < FRAME_BYTES / 2;
    const content = copied ? { body: Buffer.from(lines), memory: undefined } : { body: lines, memory };
    this.#push({ ...content, sequence, records, shares, bytes, madeAtS: secondsOf(nowMs) });
    this.#open = undefined;
    if (copied) this.#bodies.giveBack(memory);
  }

  #push(content: Parameters<typeof freshFrame>[0]): void {
    this.#fresh.push(freshFrame(content));
    this.#lastSequence = content.sequence;
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

  /** False once it was given up. */
  isInFlight(frame: Frame): boolean {
    return this.#inFlight.has(frame);
  }

  confirmed(frame: Frame): void {
    // The broker has it, so that nobody reads its memory any more; of what is given up that is not as sure.
    if (this.#landed(frame)) {
      this.#settle(frame);
      if (frame.memory) this.#bodies.giveBack(frame.memory);
    }
  }

  /** Not confirmed: it waits again, before everything that was logged after it. */
  giveBack(frame: Frame): void {
    this.#landed(frame);
    frame.attempts++;
    this.#returned.push(frame);
  }

  #next(): Frame | undefined {
    return this.#returned.shift() ?? this.#fresh.shift();
  }

  #landed(frame: Frame): boolean {
    const wasInFlight = this.#inFlight.delete(frame);
    if (wasInFlight) this.#bytesInFlight -= frame.bytes;
    return wasInFlight;
  }

  /** Where the oldest record that is not in flight stands in the order of all lanes; undefined where there is none. */
  get oldest(): number | undefined {
    return (this.#returned.first ?? this.#fresh.first ?? this.#open)?.sequence;
  }

  /** Gives up the oldest frame that is not in flight. Open lines are closed for it. */
  dropOldest(nowMs: number): Frame | undefined {
    if (!this.hasWaiting) this.cut(nowMs);
    const frame = this.#next();
    if (frame) this.#settle(frame);
    return frame;
  }

  /**
   * No frame becomes larger from now on, and those that wait are made smaller. Gives up the single records that are larger
   * than that, and returns them: the broker would refuse them for ever, and everything behind them would stand still.
   */
  limitBodies(largestBody: number, nowMs: number): Frame[] {
    const fitsAll = largestBody > this.#largestBody || largestBody === Number.POSITIVE_INFINITY;
    this.#largestBody = largestBody;
    // At each new connection, when much may wait.
    if (fitsAll) return [];
    if (this.#open && this.#open.bytes > this.#frameBytes) this.cut(nowMs);
    const dropped: Frame[] = [];
    for (const queue of [this.#returned, this.#fresh]) {
      const frames = [...queue];
      queue.clear();
      for (const frame of frames) {
        const parts = frame.body.length > largestBody && frame.records > 1 ? split(frame, largestBody) : [frame];
        this.#flushTracker.split(Math.floor(frame.sequence), parts.length);
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
   * Puts frames of another lane behind what is here, in their order.
   *
   * @returns the sequence of the first one; each of the others follows by 1.
   */
  adopt(frames: Iterable<Pick<Frame, 'body' | 'records' | 'madeAtS'>>): number {
    let first: number | undefined;
    for (const { body, records, madeAtS } of frames) {
      const bytes = body.length + 1;
      const sequence = this.#arrivalOrder.next(1);
      first ??= sequence;
      this.#push({ body, records, madeAtS, bytes, memory: undefined, shares: [], sequence });
      this.#records += records;
      this.#bytes += bytes;
    }
    return first ?? 0;
  }

  /** Gives up everything, and returns it in the order of the calls. */
  drain(nowMs: number): Frame[] {
    this.cut(nowMs);
    const frames = [...this.#inFlight, ...this.#returned, ...this.#fresh];
    this.#clear();
    return frames.sort((a, b) => a.sequence - b.sequence);
  }

  #clear(): void {
    this.#returned.clear();
    this.#fresh.clear();
    this.#inFlight.clear();
    this.#bytesInFlight = 0;
    this.#records = 0;
    this.#bytes = 0;
    this.#flushTracker.clear();
  }

  /** Calls `done` when everything that was accepted until now is confirmed or dropped. False when that is so already. */
  watch(done: () => void): boolean {
    if (this.isEmpty) return false;
    const frames = this.#returned.length + this.#fresh.length + this.#inFlight.size;
    // The open lines will be the next frame.
    if (this.#open) this.#flushTracker.add(this.#open.sequence, frames + 1, done);
    else this.#flushTracker.add(this.#lastSequence, frames, done);
    return true;
  }

  #settle(frame: Frame): void {
    this.#records -= frame.records;
    this.#bytes -= frame.bytes;
    this.#flushTracker.settled(Math.floor(frame.sequence));
  }
}

function secondsOf(ms: number): number {
  return Math.floor(ms / 1000);
}
