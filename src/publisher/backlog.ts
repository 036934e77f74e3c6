/**
 * The records that a publisher holds, and the counts of those it held: each record is in exactly one count: pending,
 * spooled, confirmed, or dropped for a reason.
 */
import { type Level, severity } from '../level.js';
import { settleShares } from './account.js';
import { chooseVictim, type DropCounter, type DropReason } from './drop-counter.js';
import type { Dropped, Frame } from './frames.js';
import type { LaneLeftover, LaneOutcome } from './handover.js';
import { FRAME_BYTES, type Lane } from './lane.js';
import type { Lanes } from './lanes.js';
import { checkedBytes } from './spool/checked-lines.js';
import type { Spool } from './spool/spool.js';
import type { PublisherStats } from './status.js';
import { tallyAdopted, tallyConfirmed, tallyLeft } from './tally.js';

/**
 * How much more memory may hold while the spool is paused, in bytes: on a busy machine a write may take long although the
 * disk does not hang.
 */
const PAUSED_BYTES = 8 * 1024 * 1024;

export class Backlog {
  readonly #lanes: Lanes;
  readonly #drops: DropCounter;
  readonly #maxBytes: number;
  readonly #spool: Spool | undefined;
  #bytes = 0;
  #confirmed = 0;
  /** Records of earlier processes that were read from disk. */
  #adopted = 0;

  constructor(lanes: Lanes, drops: DropCounter, maxBytes: number, spool: Spool | undefined) {
    this.#lanes = lanes;
    this.#drops = drops;
    this.#maxBytes = maxBytes;
    this.#spool = spool;
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  /** Records that are confirmed or dropped. */
  get settled(): number {
    return this.#confirmed + this.#drops.total;
  }

  counts(): Omit<PublisherStats, 'retries'> {
    const { records: pending, spooled } = this.#lanes;
    return {
      accepted: pending + spooled + this.settled - this.#adopted,
      adopted: this.#adopted,
      confirmed: this.#confirmed,
      pending,
      pendingBytes: this.#bytes,
      spooled,
      dropped: this.#drops.counts(),
    };
  }

  /**
   * Moves records to disk, or drops lower or older ones, until `bytes` more fit. Returns false if the incoming record
   * must be dropped instead.
   */
  makeRoom(level: Level, bytes: number): boolean {
    if (bytes > this.#maxBytes) return false;
    for (;;) {
      const isMemoryFull = this.#bytes + bytes > this.#maxBytes;
      const isDiskFull = this.#isDiskFull(bytes);
      if (!isMemoryFull && !isDiskFull) return true;
      const spilled = isMemoryFull ? this.#spill() : 'refused';
      if (spilled === 'moved') continue;
      // All of it is on its way to the broker. The next call can move this record to disk.
      if (spilled === 'nothing to move' && !isDiskFull) return true;
      const isPaused = this.#spool !== undefined && !this.#spool.isUsable;
      if (isPaused && this.#bytes + bytes <= this.#maxBytes + PAUSED_BYTES) return true;
      // While the spool is paused, only memory is short: to drop what is on disk would not help.
      const lanes = isPaused ? [...this.lanes()].filter((lane) => lane.bytes > lane.bytesInFlight) : this.lanes();
      const victim = chooseVictim(lanes, level);
      const dropped = victim?.dropOldest({ onDisk: !isPaused }) ?? [];
      if (!victim || dropped.length === 0) return false;
      for (const each of dropped) this.dropped(victim, each, 'buffer full');
    }
  }

  /** Whether a record that must go to disk at once does not fit there. */
  #isDiskFull(bytes: number): boolean {
    const spool = this.#spool;
    return spool?.config.mode === 'always' && spool.isUsable && !spool.hasRoom(bytes + FRAME_BYTES);
  }

  /** Moves one frame of the lane that holds most to disk. What was published stays in memory. */
  #spill(): 'moved' | 'nothing to move' | 'refused' {
    if (!this.#spool?.isUsable || !this.#spool.hasRoom(2 * FRAME_BYTES)) return 'refused';
    let largest: Lane | undefined;
    for (const lane of this.lanes()) if (lane.spillableBytes > (largest?.spillableBytes ?? 0)) largest = lane;
    if (!largest) return 'nothing to move';
    const released = largest.spill();
    this.#bytes -= released;
    return released > 0 ? 'moved' : 'refused';
  }

  /**
   * Reads the next frames of a lane from disk.
   *
   * @param report receives why some could not be read.
   * @returns whether there may be something to send.
   */
  async load(lane: Lane, report: (fault: string) => void): Promise<boolean> {
    const loaded = await lane.load();
    if (!loaded) return false;
    for (const { bytes } of loaded.frames) this.#bytes += bytes;
    this.#adopt(lane, loaded.adopted);
    if (loaded.lost) this.dropped(lane, loaded.lost, 'unreadable on disk');
    if (loaded.fault !== undefined) report(loaded.fault);
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

  /** Counts records that their lane has dropped. */
  dropped(lane: Lane, { records, shares, bytes, isAdopted }: Dropped, reason: DropReason): void {
    this.#bytes -= bytes;
    if (isAdopted) this.#adopt(lane, records);
    settleShares(shares, 'dropped');
    this.#drops.count(lane, reason, records);
  }

  /**
   * Moves everything that is not confirmed to disk, and drops what cannot be written there.
   *
   * @param couldBeSent whether the broker was reachable, so that only time was short.
   */
  leave(reason: DropReason, couldBeSent: boolean): { spooled: number; unsent: number } {
    this.#drops.couldBeSent = couldBeSent;
    // Records of earlier processes first: a later process sends in the order in which they are written here.
    const inOrder = [...this.#lanes.replays(), ...this.#lanes.own()].map(({ lane }) => lane);
    const unsent = this.#leaveAll(inOrder, reason);
    return { spooled: this.#lanes.spooled, unsent };
  }

  /** The same for records of earlier processes, which are on disk already. */
  leaveAdopted(): void {
    const lanes = [...this.#lanes.replays()].map(({ lane }) => lane);
    if (lanes.length > 0) this.#leaveAll(lanes, 'unsent at exit');
  }

  /** @returns number of records that were dropped. */
  #leaveAll(lanes: Iterable<Lane>, reason: DropReason): number {
    let unsent = 0;
    this.#atEnd(() => {
      // If the disk becomes full, the lower levels make room.
      for (const lane of [...lanes].sort((a, b) => severity(a.level) - severity(b.level))) {
        for (const lost of lane.rescue()) this.dropped(lane, lost, 'unreadable on disk');
        this.#bytes -= lane.bytes;
        for (const frame of onDiskFirst(lane.drain())) unsent += this.#leave(lane, frame, reason);
        lane.mark();
      }
    });
    return unsent;
  }

  /** Drops the oldest segment of the lowest level, but nothing higher than this. Returns false if there is none. */
  #makeRoomOnDisk(level: Level, bytes: number): boolean {
    if (!this.#spool?.isUsable || this.#spool.hasRoom(bytes)) return false;
    const onDisk = [...this.lanes()].filter((lane) => lane.mustLoad);
    const victim = chooseVictim(onDisk, level);
    const dropped = victim?.dropOldest() ?? [];
    for (const each of dropped) this.dropped(victim!, each, 'buffer full');
    return dropped.length > 0;
  }

  #atEnd(writes: () => void): void {
    if (this.#spool) this.#spool.atEnd(writes);
    else writes();
  }

  /** The publisher is closed: what is on disk is left to the next one. */
  close(): void {
    for (const lane of this.lanes()) {
      tallyLeft(lane, lane.spooled);
      lane.leave();
    }
  }

  #adopt(lane: Lane, records: number): void {
    this.#adopted += records;
    tallyAdopted(lane, records);
  }

  /** @returns number of records that were dropped. */
  #leave(lane: Lane, frame: Frame, reason: DropReason): number {
    let isOnDisk = lane.spool(frame);
    const bytes = checkedBytes(frame.body.length, frame.records);
    while (!isOnDisk && this.#makeRoomOnDisk(lane.level, bytes)) isOnDisk = lane.spool(frame);
    if (isOnDisk) return 0;
    lane.finished(frame);
    settleShares(frame.shares, 'unsent');
    this.#drops.count(lane, reason, frame.records);
    return frame.records;
  }

  /** Drains every lane, for another thread. */
  handOver(): LaneLeftover[] {
    const lanes = [...this.#lanes.own()].map(({ lane }) => lane).filter(({ records }) => records > 0);
    return lanes.map((lane) => {
      this.#bytes -= lane.bytes;
      return { service: lane.service, level: lane.level, frames: lane.drainMessages() };
    });
  }

  /**
   * Adds frames that another thread handed over to a lane.
   *
   * @returns the lane, and the sequence of the first frame there.
   */
  takeOver(lane: Lane, frames: Iterable<Pick<Frame, 'body' | 'records' | 'madeAtS'>>): { lane: Lane; from: number } {
    const before = lane.bytes;
    const from = lane.takeOver(frames);
    this.added(lane.bytes - before);
    return { lane, from };
  }

  /**
   * Counts what another thread confirmed of the drained frames. The rest is dropped; `couldBeSent` as in
   * `leave()`.
   */
  takeBack(outcomes: Iterable<LaneOutcome>, couldBeSent: boolean): void {
    this.#drops.couldBeSent = couldBeSent;
    this.#drops.hold();
    for (const { lane: leftover, confirmed, tooLarge, rest } of outcomes) {
      this.#confirmed += confirmed;
      tallyConfirmed(leftover, confirmed);
      this.#drops.count(leftover, 'larger than the broker allows', tooLarge);
      const left = new Set(rest);
      const { lane } = this.#lanes.of(leftover.service, leftover.level);
      for (const frame of leftover.frames) {
        if (left.has(frame)) continue;
        lane.finished(frame);
        settleShares(frame.shares, 'confirmed');
        frame.place?.segment.settle(frame.records);
      }
      this.#atEnd(() => {
        for (const frame of onDiskFirst(rest)) this.#leave(lane, frame, 'unsent at exit');
        lane.mark();
      });
    }
    this.#drops.report();
  }

  *lanes(): Iterable<Lane> {
    for (const { lane } of this.#lanes) yield lane;
  }
}

/** So that the others can be written in front of them, or behind them: a later process reads files in their order. */
function onDiskFirst(frames: readonly Frame[]): Frame[] {
  return frames.toSorted((a, b) => Number(!a.place) - Number(!b.place));
}
