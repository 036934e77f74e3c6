/**
 * One service and level on its way to one queue. A record is in exactly one of three places, and moves only forward,
 * or, if the broker did not confirm it, back to its place in the order of the calls:
 *
 *   add() ─▶ open lines ── cut() ─▶ waiting frames ── take() ─▶ in flight ── confirmed() ─▶ gone
 *                                        ▲                          │
 *                                        └──────── giveBack() ──────┘
 *
 * Pure, apart from the spool: no sockets, no clock.
 */
import type { Level } from '../level.js';
import type { Account } from './account.js';
import { FlushTracker } from './flushes.js';
import type { BodyPool, Dropped, Frame } from './frames.js';
import { ArrivalOrder, freshFrame, messagesOf } from './frames.js';
import { LaneFrames } from './lane-frames.js';
import { OpenLines } from './open-lines.js';
import type { LaneSpool, Loaded } from './spool/lane-spool.js';
import type { Place } from './spool/segment.js';

/** A frame is closed when its lines reach this size, in bytes. A larger single record is a frame of its own. */
export const FRAME_BYTES = 64 * 1024;

export interface LaneSettings {
  readonly service: string;
  readonly level: Level;
  /** 1 for Python consumers, which read no frames. */
  readonly recordsPerMessage: number;
  /** Provides buffers of FRAME_BYTES. */
  readonly bodies: BodyPool;
  /** The order that all lanes of a publisher share. */
  readonly arrivalOrder?: ArrivalOrder;
  /** Where frames go if memory is full. */
  readonly spool?: LaneSpool | undefined;
  /** Whether each record is written to the spool at once. */
  readonly spoolsAlways?: boolean;
}

export class Lane {
  readonly service: string;
  readonly level: Level;
  readonly #recordsPerMessage: number;
  readonly #bodies: BodyPool;
  #open: OpenLines | undefined;
  readonly #spool: LaneSpool | undefined;
  readonly #spoolsAlways: boolean;
  readonly #frames: LaneFrames;
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

  constructor(settings: LaneSettings) {
    this.service = settings.service;
    this.level = settings.level;
    this.#recordsPerMessage = settings.recordsPerMessage;
    this.#bodies = settings.bodies;
    this.#arrivalOrder = settings.arrivalOrder ?? new ArrivalOrder();
    this.#spool = settings.spool;
    this.#spoolsAlways = settings.spoolsAlways ?? false;
    this.#frames = new LaneFrames(settings.spool, settings.recordsPerMessage);
  }

  /** Whether `take()` has a frame. */
  get hasWaiting(): boolean {
    return this.#frames.hasNext;
  }

  /** The next frames are on disk. */
  get mustLoad(): boolean {
    return this.#frames.mustLoad;
  }

  get hasOpenLines(): boolean {
    return this.#open !== undefined;
  }

  get isEmpty(): boolean {
    return this.#records === 0 && this.spooled === 0;
  }

  /** Accepted records that are only on disk. */
  get spooled(): number {
    return this.#spool?.records ?? 0;
  }

  /** Memory that can be released by `spill()`, in bytes. */
  get spillableBytes(): number {
    return this.#frames.freshBytes + (this.#open?.bytes ?? 0);
  }

  get framesInFlight(): number {
    return this.#frames.framesInFlight;
  }

  get bytesInFlight(): number {
    return this.#frames.bytesInFlight;
  }

  /** Records of this lane in memory, in flight or not. */
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
    const madeAtS = Math.floor(nowMs / 1000);
    const place = this.#spoolsAlways ? this.#spool?.write(Buffer.from(line), 1, madeAtS) : undefined;
    if (this.#open && !this.#canContinue(this.#open, bytes, madeAtS, place)) this.cut();
    const ordinal = this.#added;
    const sequence = this.#arrivalOrder.next(bytes);
    if (bytes > this.#frameBytes) {
      const shares = [{ account, records: 1 }];
      const body = Buffer.from(line);
      this.#frames.push(
        freshFrame({ ordinal, sequence, body, memory: undefined, records: 1, shares, bytes, madeAtS, place }),
      );
    } else {
      this.#open ??= new OpenLines({ ordinal, sequence, madeAtS, place }, this.#bodies);
      this.#open.add(line, bytes, account, place);
    }
    this.#added++;
    this.#records++;
    this.#bytes += bytes;
    if (this.#open && this.#open.bytes >= this.#frameBytes) this.cut();
  }

  #canContinue(open: OpenLines, bytes: number, madeAtS: number, place: Place | undefined): boolean {
    if (open.bytes + bytes > this.#frameBytes) return false;
    if (this.#arrivalOrder.isPast(open.sequence) || !open.isContinuedAt(place)) return false;
    return madeAtS - open.madeAtS <= this.#spanS;
  }

  /**
   * How far apart the logging calls of a frame may be, in seconds: messages of one record have its time, from which
   * readers find the offset of its local time.
   */
  get #spanS(): number {
    return this.#recordsPerMessage === 1 ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Counted like `Frame.bytes`, with a newline for each record; the body has none after the last one. */
  get #frameBytes(): number {
    return Math.min(FRAME_BYTES, this.#largestBody + 1);
  }

  /** Closes the open lines into a frame. */
  cut(): void {
    if (!this.#open) return;
    this.#frames.push(this.#open.frame());
    this.#open = undefined;
  }

  /** The next message to publish, now in flight: a frame, or the first records of one. */
  take(): Frame | undefined {
    return this.#frames.take();
  }

  /** False once the frame was dropped. */
  isInFlight(frame: Frame): boolean {
    return this.#frames.isInFlight(frame);
  }

  confirmed(frame: Frame): void {
    // The broker has it, so its buffer can be reused. A dropped frame may still be in a socket.
    if (this.#frames.landed(frame)) {
      this.#settle(frame);
      if (frame.memory) this.#bodies.giveBack(frame.memory);
    }
  }

  /** Not confirmed: the frame waits again, before everything that was logged after it. */
  giveBack(frame: Frame): void {
    this.#frames.giveBack(frame);
  }

  /** Place of the oldest record that is not in flight, in the order of all lanes; undefined if there is none. */
  get oldest(): number | undefined {
    return this.#frames.oldest ?? this.#open?.sequence;
  }

  /**
   * Drops the oldest frame that is not in flight, or the oldest segment on disk if that is older and may be dropped.
   * Closes the open lines if there is nothing else.
   */
  dropOldest({ onDisk = true } = {}): Dropped[] {
    if (this.mustLoad && onDisk) return this.#droppedOnDisk(this.#spool!.dropOldest());
    if (!this.#frames.isWaitingInMemory) this.cut();
    const frame = this.#frames.shift();
    if (!frame) return [];
    this.#settle(frame);
    return [frame];
  }

  #droppedOnDisk(dropped: Dropped[]): Dropped[] {
    for (const each of dropped) if (!each.isAdopted) this.finished(each);
    return dropped;
  }

  /**
   * Moves the oldest frame that was never published to the disk.
   *
   * @returns how many bytes of memory that has released; 0 if there was nothing to move, or the disk refused it.
   */
  spill(): number {
    if (this.#frames.freshBytes === 0) this.cut();
    const frame = this.#frames.spill();
    if (!frame) return 0;
    this.#records -= frame.records;
    this.#bytes -= frame.bytes;
    if (frame.memory) this.#bodies.giveBack(frame.memory);
    return frame.bytes;
  }

  /** Reads the next frames from disk. Undefined if they are being read already. */
  async load(): Promise<Loaded | undefined> {
    const limits = { bytes: this.#frameBytes, spanS: this.#spanS, ordinal: this.#added };
    const loaded = await this.#frames.load(limits);
    if (!loaded) return undefined;
    for (const { records, bytes } of loaded.frames) {
      this.#records += records;
      this.#bytes += bytes;
    }
    this.#added += loaded.adopted;
    if (loaded.lost) this.finished(loaded.lost);
    return loaded;
  }

  /**
   * Limits the size of all frames, including the waiting ones. Drops and returns single records that are larger: the
   * broker would refuse them forever, and block everything behind them.
   */
  limitBodies(largestBody: number): Frame[] {
    const fitsAll = largestBody > this.#largestBody || largestBody === Number.POSITIVE_INFINITY;
    this.#largestBody = largestBody;
    // Called for each new connection, when many frames may wait.
    if (fitsAll) return [];
    if (this.#open && this.#open.bytes > this.#frameBytes) this.cut();
    const dropped = this.#frames.limit(largestBody);
    for (const frame of dropped) this.#settle(frame);
    return dropped;
  }

  /**
   * Appends frames of another lane, in their order.
   *
   * @returns the sequence of the first one; each following one is 1 higher.
   */
  takeOver(frames: Iterable<Pick<Frame, 'body' | 'records' | 'madeAtS'>>): number {
    let first: number | undefined;
    for (const { body, records, madeAtS } of frames) {
      const bytes = body.length + 1;
      const sequence = this.#arrivalOrder.next(1);
      first ??= sequence;
      const ordinal = this.#added;
      const frame = { ordinal, sequence, body, records, madeAtS, bytes, memory: undefined, shares: [] };
      this.#frames.push(freshFrame(frame));
      this.#added += records;
      this.#records += records;
      this.#bytes += bytes;
    }
    return first ?? 0;
  }

  /**
   * Puts a frame of `drain()` on disk.
   *
   * @returns whether it is there.
   */
  spool(frame: Frame): boolean {
    return this.#spool?.add(frame) ?? false;
  }

  /** Removes everything that is in memory and returns it, in the order of the calls. See `finished()`. */
  drain(): Frame[] {
    this.cut();
    const frames = this.#frames.drain();
    this.#records = 0;
    this.#bytes = 0;
    return frames;
  }

  /** The same, as messages. */
  drainMessages(): Frame[] {
    return this.drain().flatMap((frame) => [...messagesOf(frame, this.#recordsPerMessage)]);
  }

  /** Leaves what is on disk to the next process: nobody waits for it any more. */
  leave(): void {
    this.#flushTracker.finish();
  }

  /** See `LaneSpool.mark()`. */
  mark(): void {
    this.#spool?.mark();
  }

  /** See `LaneSpool.rescue()`. */
  rescue(): Dropped[] {
    return this.#droppedOnDisk(this.#spool?.rescue() ?? []);
  }

  /** A frame of `drain()`, or what was only on disk, was confirmed or dropped. */
  finished({ ordinal, records }: Pick<Frame, 'ordinal' | 'records'>): void {
    this.#flushTracker.settled(ordinal, records);
  }

  /** Calls `done` when everything accepted until now is confirmed or dropped. Returns false if it is already. */
  watch(done: () => void): boolean {
    if (this.isEmpty || this.#flushTracker.isFinished) return false;
    this.#flushTracker.add(this.#added, done);
    return true;
  }

  #settle(frame: Frame): void {
    this.#records -= frame.records;
    this.#bytes -= frame.bytes;
    this.#flushTracker.settled(frame.ordinal, frame.records);
    frame.place?.segment.settle(frame.records);
  }
}
