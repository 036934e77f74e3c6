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
import { frameBody } from '../frame.js';
import type { Level } from '../level.js';

/** A frame is closed when its lines reach this size; a larger single record is a frame of its own. */
export const FRAME_BYTES = 64 * 1024;

export interface Frame {
  readonly sequence: number;
  readonly body: Buffer;
  readonly records: number;
  /** What the frame counts against `bufferBytes`. */
  readonly bytes: number;
  readonly madeAtS: number;
  /** How often it was published without being confirmed. */
  attempts: number;
  /** The broker had no queue for it: its confirm does not count. */
  returned: boolean;
  /** Who waits until it is confirmed or shed. */
  readonly waiters: Set<() => void>;
}

export class Lane {
  readonly service: string;
  readonly level: Level;
  readonly #recordsPerFrame: number;
  #lines: string[] = [];
  #lineBytes = 0;
  #waiting: Frame[] = [];
  readonly #inFlight = new Set<Frame>();
  #nextSequence = 0;
  #openWaiters = new Set<() => void>();

  nacks = 0;
  returns = 0;

  constructor(service: string, level: Level, recordsPerFrame: number) {
    this.service = service;
    this.level = level;
    this.#recordsPerFrame = recordsPerFrame;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  get hasOpenLines(): boolean {
    return this.#lines.length > 0;
  }

  get isEmpty(): boolean {
    return !this.hasWaiting && !this.hasOpenLines && this.#inFlight.size === 0;
  }

  get framesInFlight(): number {
    return this.#inFlight.size;
  }

  /** Records that are kept, wherever they are. */
  get records(): number {
    let records = this.#lines.length;
    for (const frame of this.#waiting) records += frame.records;
    for (const frame of this.#inFlight) records += frame.records;
    return records;
  }

  /** @param bytes size of the line in UTF-8, with its newline. */
  add(line: string, bytes: number, nowMs: number): void {
    if (this.#lines.length > 0 && this.#lineBytes + bytes > FRAME_BYTES) this.cut(nowMs);
    this.#lines.push(line);
    this.#lineBytes += bytes;
    if (this.#lineBytes >= FRAME_BYTES || this.#lines.length >= this.#recordsPerFrame) this.cut(nowMs);
  }

  /** Closes the open lines into a frame that can be taken. */
  cut(nowMs: number): void {
    if (this.#lines.length === 0) return;
    this.#waiting.push({
      sequence: this.#nextSequence++,
      body: frameBody(this.#lines),
      records: this.#lines.length,
      bytes: this.#lineBytes,
      madeAtS: Math.floor(nowMs / 1000),
      attempts: 0,
      returned: false,
      waiters: this.#openWaiters,
    });
    this.#lines = [];
    this.#lineBytes = 0;
    this.#openWaiters = new Set();
  }

  /** The next frame to publish, now in flight. */
  take(): Frame | undefined {
    const frame = this.#waiting.shift();
    if (frame) this.#inFlight.add(frame);
    return frame;
  }

  confirmed(frame: Frame): void {
    this.#inFlight.delete(frame);
    settle(frame);
  }

  /** Not confirmed: it waits again, before everything that was logged after it. */
  giveBack(frame: Frame): void {
    this.#inFlight.delete(frame);
    frame.attempts++;
    frame.returned = false;
    let index = 0;
    while (index < this.#waiting.length && this.#waiting[index]!.sequence < frame.sequence) index++;
    this.#waiting.splice(index, 0, frame);
  }

  /** Gives up the oldest frame that is not in flight. Open lines are closed for it. */
  dropOldest(nowMs: number): Frame | undefined {
    if (!this.hasWaiting) this.cut(nowMs);
    const frame = this.#waiting.shift();
    if (frame) settle(frame);
    return frame;
  }

  /** Gives up the waiting frames that the broker will never take. */
  dropLargerThan(bytes: number): Frame[] {
    const dropped = this.#waiting.filter((frame) => frame.body.length > bytes);
    this.#waiting = this.#waiting.filter((frame) => frame.body.length <= bytes);
    for (const frame of dropped) settle(frame);
    return dropped;
  }

  /** Gives up everything. */
  clear(): void {
    this.#lines = [];
    this.#lineBytes = 0;
    for (const frame of [...this.#waiting, ...this.#inFlight]) settle(frame);
    this.#waiting = [];
    this.#inFlight.clear();
    for (const done of this.#openWaiters) done();
    this.#openWaiters.clear();
  }

  /** Calls `done` for each of the frames that hold what was accepted until now; returns how many calls will come. */
  watch(done: () => void): number {
    let watched = 0;
    for (const frame of [...this.#waiting, ...this.#inFlight]) {
      frame.waiters.add(done);
      watched++;
    }
    if (this.hasOpenLines) {
      this.#openWaiters.add(done);
      watched++;
    }
    return watched;
  }
}

function settle(frame: Frame): void {
  for (const done of frame.waiters) done();
  frame.waiters.clear();
}
