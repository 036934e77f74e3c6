/**
 * What a thread that ends has not got confirmed, laid out so that another one can send it: in memory that both share, for
 * one copy of it is enough, and the ending thread, which hears nothing any more, sees there what was confirmed. Pure.
 */
import type { Level } from '../level.js';
import type { PublisherConfig } from '../producer-config.js';
import type { Frame } from './frames.js';

/** What one lane had left. */
export interface LaneLeftover {
  readonly service: string;
  readonly level: Level;
  /** In the order of the calls. */
  readonly frames: readonly Frame[];
}

export interface PackedLane {
  readonly service: string;
  readonly level: Level;
  /** The bodies of its frames, one behind the other. */
  readonly bodies: Uint8Array;
  /** Three numbers a frame: bytes of its body, records in it, when it was made in epoch seconds. */
  readonly frames: Uint32Array;
  /** Two numbers a frame, which whoever sends it counts up: records confirmed, records larger than the broker allows. */
  readonly outcome: Int32Array;
}

/** What one publisher had left. */
export interface Part {
  /** The same one at each handover. */
  readonly publisher: number;
  readonly config: PublisherConfig;
  readonly lanes: readonly PackedLane[];
  /** Services that the broker has not answered for. */
  readonly services: readonly string[];
  /** When waiting ends: epoch milliseconds of `now()`. */
  readonly untilMs: number;
  /** More may follow at any moment: the connection stays open. */
  readonly staysOpen: boolean;
}

/** What is said to the ending thread beside the counts: why something was not confirmed, in sentences. */
export interface Said {
  readonly fault: string;
}

/** A clock that goes on evenly, and alike in all threads. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** @throws RangeError where there is no memory for it. */
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

/** Its frames again, over the same memory. */
export function* unpack({ bodies, frames }: PackedLane): Iterable<Pick<Frame, 'body' | 'records' | 'madeAtS'>> {
  let at = bodies.byteOffset;
  for (let index = 0; index < frames.length; index += 3) {
    const length = frames[index]!;
    yield { body: Buffer.from(bodies.buffer, at, length), records: frames[index + 1]!, madeAtS: frames[index + 2]! };
    at += length;
  }
}

/** Counts it for the frame that stands at this place of the lane. */
export function settle({ outcome }: PackedLane, place: number, what: 'confirmed' | 'tooLarge', records: number): void {
  Atomics.add(outcome, place * 2 + (what === 'confirmed' ? 0 : 1), records);
}

export interface LaneOutcome {
  readonly lane: LaneLeftover;
  /** Records. */
  readonly confirmed: number;
  readonly tooLarge: number;
  /** What is in none of the two: the whole frame, where that is so of some of its records. */
  readonly rest: readonly Frame[];
  readonly restRecords: number;
}

/** What has become of what was packed. */
export function outcomeOf(lane: LaneLeftover, packed: PackedLane | undefined): LaneOutcome {
  const sum = { lane, confirmed: 0, tooLarge: 0, rest: [] as Frame[], restRecords: 0 };
  for (const [index, frame] of lane.frames.entries()) {
    const confirmed = packed ? Atomics.load(packed.outcome, index * 2) : 0;
    const tooLarge = packed ? Atomics.load(packed.outcome, index * 2 + 1) : 0;
    sum.confirmed += confirmed;
    sum.tooLarge += tooLarge;
    const left = frame.records - confirmed - tooLarge;
    sum.restRecords += left;
    if (left > 0) sum.rest.push(frame);
  }
  return sum;
}
