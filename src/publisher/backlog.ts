/**
 * The records that a publisher holds, and the counts of those it held: each record is in exactly one count: pending,
 * confirmed, or dropped for a reason.
 */
import type { Level } from '../level.js';
import { chooseVictim, type DropCounter, type DropReason } from './drop-counter.js';
import { type Frame, settleShares } from './frames.js';
import type { LaneLeftover, LaneOutcome } from './handover.js';
import type { Lane } from './lane.js';
import type { Lanes } from './lanes.js';
import type { PublisherStats } from './status.js';
import { tallyConfirmed } from './tally.js';

export class Backlog {
  readonly #lanes: Lanes;
  readonly #drops: DropCounter;
  readonly #maxBytes: number;
  #bytes = 0;
  #confirmed = 0;

  constructor(lanes: Lanes, drops: DropCounter, maxBytes: number) {
    this.#lanes = lanes;
    this.#drops = drops;
    this.#maxBytes = maxBytes;
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  /** Records that are confirmed or dropped. */
  get settled(): number {
    return this.#confirmed + this.#drops.total;
  }

  counts(): Omit<PublisherStats, 'retries'> {
    const pending = this.#lanes.records;
    return {
      accepted: pending + this.settled,
      confirmed: this.#confirmed,
      pending,
      pendingBytes: this.#bytes,
      dropped: this.#drops.counts(),
    };
  }

  /**
   * Drops lower or older records until `bytes` more fit. Returns false if the incoming record must be dropped instead.
   */
  makeRoom(level: Level, bytes: number): boolean {
    if (bytes > this.#maxBytes) return false;
    while (this.#bytes + bytes > this.#maxBytes) {
      const victim = chooseVictim(this.lanes(), level);
      const frame = victim?.dropOldest(Date.now());
      if (!victim || !frame) return false;
      this.dropped(victim, frame, 'buffer full');
    }
    return true;
  }

  /** A lane has grown by this many bytes. */
  added(bytes: number): void {
    this.#bytes += bytes;
  }

  confirm(lane: Lane, frame: Frame): void {
    lane.confirmed(frame);
    this.#bytes -= frame.bytes;
    this.#confirmed += frame.records;
    tallyConfirmed(lane, frame.records);
    settleShares(frame.shares, 'confirmed');
  }

  /**
   * Limits the size of messages.
   *
   * @returns the frames that could never be sent, and were dropped.
   */
  *limitBodies(largestBody: number): Iterable<readonly [lane: Lane, frame: Frame]> {
    for (const { lane, dropped } of this.#lanes.limitBodies(largestBody)) {
      for (const frame of dropped) {
        this.dropped(lane, frame, 'larger than the broker allows');
        yield [lane, frame];
      }
    }
  }

  /** Counts a frame that its lane has dropped. */
  dropped(lane: Lane, frame: Frame, reason: DropReason): void {
    this.#bytes -= frame.bytes;
    settleShares(frame.shares, 'dropped');
    this.#drops.count(lane, reason, frame.records);
  }

  /**
   * Drops everything that is not confirmed.
   *
   * @param couldBeSent whether the broker was reachable, so that only time was short.
   * @returns the number of dropped records.
   */
  dropTheRest(reason: DropReason, couldBeSent: boolean): number {
    this.#drops.couldBeSent = couldBeSent;
    let unsent = 0;
    for (const lane of this.lanes()) {
      unsent += lane.records;
      this.#drops.count(lane, reason, lane.records);
      for (const { shares } of this.drain(lane)) settleShares(shares, 'unsent');
    }
    return unsent;
  }

  /** Removes everything that is not confirmed from a lane. The caller must count it. */
  drain(lane: Lane): Frame[] {
    this.#bytes -= lane.bytes;
    return lane.drain(Date.now());
  }

  /** Drains every lane, for another thread. */
  handOver(): LaneLeftover[] {
    const lanes = [...this.lanes()].filter((lane) => !lane.isEmpty);
    return lanes.map((lane) => ({ service: lane.service, level: lane.level, frames: this.drain(lane) }));
  }

  /**
   * Adds frames that another thread handed over to a lane.
   *
   * @returns the lane, and the sequence of the first frame there.
   */
  adopt(lane: Lane, frames: Iterable<Pick<Frame, 'body' | 'records' | 'madeAtS'>>): { lane: Lane; from: number } {
    const before = lane.bytes;
    const from = lane.adopt(frames);
    this.added(lane.bytes - before);
    return { lane, from };
  }

  /**
   * Counts what another thread confirmed of the drained frames. The rest is dropped; `couldBeSent` as in
   * `dropTheRest()`.
   */
  takeBack(outcomes: Iterable<LaneOutcome>, couldBeSent: boolean): void {
    this.#drops.couldBeSent = couldBeSent;
    this.#drops.hold();
    for (const { lane, confirmed, tooLarge, rest, restRecords } of outcomes) {
      this.#confirmed += confirmed;
      tallyConfirmed(lane, confirmed);
      this.#drops.count(lane, 'larger than the broker allows', tooLarge);
      this.#drops.count(lane, 'unsent at exit', restRecords);
      const left = new Set(rest);
      for (const frame of lane.frames) settleShares(frame.shares, left.has(frame) ? 'unsent' : 'confirmed');
    }
    this.#drops.report();
  }

  *lanes(): Iterable<Lane> {
    for (const { lane } of this.#lanes) yield lane;
  }
}
