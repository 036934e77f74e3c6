/**
 * The unconfirmed frames of an ending thread, laid out for another thread to send. They are in shared memory, so one
 * copy is enough, and the ending thread, which receives no messages any more, can see there what was confirmed. Pure.
 */
import type { Level } from '../level.js';
import type { PublisherConfig } from '../producer-config.js';
import type { Frame } from './frames.js';

/** The unconfirmed frames of one lane. */
export interface LaneLeftover {
  readonly service: string;
  readonly level: Level;
  /** In the order of the calls. */
  readonly frames: readonly Frame[];
}

export interface PackedLane {
  readonly service: string;
  readonly level: Level;
  /** The bodies of the frames, one after the other. */
  readonly bodies: Uint8Array;
  /** Three numbers a frame: bytes of its body, number of records, creation time in epoch seconds. */
  readonly frames: Uint32Array;
  /**
   * Two counters a frame, incremented by the sending thread: records confirmed, records larger than the broker allows.
   */
  readonly outcome: Int32Array;
}

/** The unconfirmed frames of one publisher. */
export interface Part {
  /** Number of the publisher, the same at each handover. */
  readonly publisher: number;
  readonly config: Omit<PublisherConfig, 'onDiagnostic' | 'spool'>;
  readonly lanes: readonly PackedLane[];
  /** Services that are not announced yet. */
  readonly services: readonly string[];
  /** Until when the ending thread waits, in epoch milliseconds of `now()`. */
  readonly untilMs: number;
  /** More may follow at any moment: the connection stays open. */
  readonly staysOpen: boolean;
}

/** Sent to the ending thread: why something was not confirmed. */
export interface FaultReport {
  readonly fault: string;
}

/** A monotonic clock, the same in all threads, in milliseconds. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** @throws RangeError if there is not enough memory. */
export function pack({ service, level, frames }: LaneLeftover): PackedLane {
  const bytes = frames.reduce((sum, { body }) => sum + body.length, 0);
  const packed = {
    service,
    level,
    bodies: new Uint8Array(new SharedArrayBuffer(bytes)),
    frames: new Uint32Array(new SharedArrayBuffer(frames.length * 12)),
    outcome: new Int32Array(new SharedArrayBuffer(frames.length * 8)),
  };
  let at = 0;
  for (const [index, { body, records, madeAtS }] of frames.entries()) {
    packed.bodies.set(body, at);
    packed.frames.set([body.length, records, madeAtS], index * 3);
    at += body.length;
  }
  return packed;
}

/** The frames again, over the same memory. */
export function* unpack({ bodies, frames }: PackedLane): Iterable<Pick<Frame, 'body' | 'records' | 'madeAtS'>> {
  let at = bodies.byteOffset;
  for (let index = 0; index < frames.length; index += 3) {
    const length = frames[index]!;
    yield { body: Buffer.from(bodies.buffer, at, length), records: frames[index + 1]!, madeAtS: frames[index + 2]! };
    at += length;
  }
}

/** Adds to the counters of the frame at index `place`. */
export function settle({ outcome }: PackedLane, place: number, what: 'confirmed' | 'tooLarge', records: number): void {
  Atomics.add(outcome, place * 2 + (what === 'confirmed' ? 0 : 1), records);
}

export interface LaneOutcome {
  readonly lane: LaneLeftover;
  /** Number of records. */
  readonly confirmed: number;
  readonly tooLarge: number;
  /** Frames that are not finished. */
  readonly rest: readonly Frame[];
}

/** What happened to the packed frames. */
export function outcomeOf(lane: LaneLeftover, packed: PackedLane | undefined): LaneOutcome {
  const sum = { lane, confirmed: 0, tooLarge: 0, rest: [] as Frame[] };
  for (const [index, frame] of lane.frames.entries()) {
    const confirmed = packed ? Atomics.load(packed.outcome, index * 2) : 0;
    const tooLarge = packed ? Atomics.load(packed.outcome, index * 2 + 1) : 0;
    if (confirmed + tooLarge === frame.records) {
      sum.confirmed += confirmed;
      sum.tooLarge += tooLarge;
    } else {
      // Only a part of a split frame was confirmed. The whole frame is sent again, and its records are stored once.
      sum.rest.push(frame);
    }
  }
  return sum;
}
