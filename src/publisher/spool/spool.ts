/**
 * The disk behind the memory of a publisher: what does not fit into memory, or cannot be sent before the process ends,
 * waits here. Its files are segments (`segment.ts`), each with records of one lane.
 *
 * Nothing here throws, and nothing makes the application wait for a disk that hangs: after a write that fails or takes
 * long, the spool is not used for some seconds.
 *
 *   usable ── a write fails, or takes too long ──▶ paused ── 5 s later ──▶ usable
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { BrokerConfig } from '../../config.js';
import { reasonOf } from '../../errors.js';
import type { Level } from '../../level.js';
import { folderName, prepareFolder, temporaryFolder } from './folder.js';
import { LaneSpool } from './lane-spool.js';
import { formatOwner, newOwner } from './owner.js';
import { Segment } from './segment.js';
import { formatName, NUMBER_STEP, type SegmentName } from './segment-name.js';

export interface SpoolConfig {
  /** Folder that holds a folder for each service. */
  readonly dir: string;
  readonly maxBytes: number;
  /** 'overflow': what does not fit into memory. 'always': each record before its logging call returns. */
  readonly mode: 'overflow' | 'always';
  /** Whether each write waits until it is on the disk, which survives a power failure. */
  readonly fsync: boolean;
}

export interface SpoolStatus {
  /** The folder that holds a folder for each service. */
  readonly dir: string;
  /** Size of the files of this process, in bytes. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Why the spool cannot be used at the moment. */
  readonly fault?: string;
}

/** A write that takes longer shows a disk that hangs, in milliseconds. */
const SLOW_MS = 50;
/**
 * The same in mode 'always', where the application has asked to wait for the disk, and at the end of the process, when it
 * is the last chance.
 */
const SLOW_AT_LAST_MS = 1000;
/** How long the spool is not used then, in milliseconds. */
const PAUSE_MS = 5000;
const MIB = 2 ** 20;

export class Spool {
  readonly config: SpoolConfig;
  readonly owner = newOwner();
  /** A segment is closed at this size, in bytes. The oldest one goes when the spool is full, so it must not be large. */
  readonly segmentBytes: number;
  readonly #broker: Pick<BrokerConfig, 'hosts'>;
  readonly #report: (fault: string) => void;
  readonly #prepared = new Set<string>();
  readonly #segments = new Set<Segment>();
  #bytes = 0;
  #number = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #fault: string | undefined;
  #slowMs: number;

  /** @param report receives why the spool cannot be used, once until it can be used again. */
  constructor(config: SpoolConfig, broker: Pick<BrokerConfig, 'hosts'>, report: (fault: string) => void) {
    this.config = config;
    this.#broker = broker;
    this.#report = report;
    this.#slowMs = config.mode === 'always' ? SLOW_AT_LAST_MS : SLOW_MS;
    this.segmentBytes = Math.min(4 * MIB, config.maxBytes / 16);
  }

  /** A restart of the machine, or of the container, may clear the folder. */
  get isTemporary(): boolean {
    return this.config.dir === temporaryFolder();
  }

  get isUsable(): boolean {
    return performance.now() >= this.#pausedUntilMs;
  }

  status(): SpoolStatus {
    const { dir, maxBytes } = this.config;
    const status = { dir, bytes: this.#bytes, maxBytes };
    return this.#fault === undefined ? status : { ...status, fault: this.#fault };
  }

  hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.config.maxBytes;
  }

  folderOf(service: string): string {
    return path.join(this.config.dir, folderName(service, this.#broker));
  }

  lane(service: string, level: Level): LaneSpool {
    return new LaneSpool(this, (number) => this.#create(service, level, number));
  }

  /** A segment of a process that is gone, already renamed. */
  adopted(service: string, name: SegmentName, size: number): Segment {
    return this.#keep(Segment.adopted(this.folderOf(service), name, size, this.#grow));
  }

  #keep(segment: Segment): Segment {
    for (const each of this.#segments) if (each.isGone) this.#segments.delete(each);
    this.#segments.add(segment);
    return segment;
  }

  /** The segments of this process. */
  get segments(): Iterable<Segment> {
    return this.#segments;
  }

  /** Leaves all segments to the next process that starts. */
  release(): void {
    for (const segment of this.#segments) segment.release();
  }

  /** @throws the system's error. */
  #create(service: string, level: Level, number = this.nextNumber()): Segment {
    const folder = this.folderOf(service);
    const name = { level, number, owner: formatOwner(this.owner), start: 0 };
    if (!this.#prepared.has(folder) || !existsSync(folder)) prepareFolder(folder);
    this.#prepared.add(folder);
    while (existsSync(path.join(folder, formatName(name)))) name.number++;
    const { mode, fsync: sync } = this.config;
    return this.#keep(Segment.create(folder, name, this.#grow, { isReused: mode === 'always', sync }));
  }

  /** Later segments have higher numbers, also than those of earlier processes. */
  nextNumber(): number {
    this.#number = Math.max(this.#number + NUMBER_STEP, Date.now());
    return this.#number;
  }

  /** Runs writes at the end of the process: uses the disk even if it was slow before. */
  atEnd(writes: () => void): void {
    const usualMs = this.#slowMs;
    this.#slowMs = SLOW_AT_LAST_MS;
    this.#pausedUntilMs = Number.NEGATIVE_INFINITY;
    for (const segment of this.#segments) segment.check();
    writes();
    // The process may live on.
    this.#slowMs = usualMs;
  }

  /** Runs a write. Undefined if the spool is paused, or it has failed. */
  attempt<T>(write: () => T): T | undefined {
    const startedMs = performance.now();
    if (startedMs < this.#pausedUntilMs) return undefined;
    try {
      const result = write();
      if (performance.now() - startedMs > this.#slowMs) this.#pause(`a write took more than ${this.#slowMs} ms`);
      else this.#fault = undefined;
      return result;
    } catch (error) {
      // The folder may have been removed.
      this.#prepared.clear();
      this.#pause(reasonOf(error));
      return undefined;
    }
  }

  #pause(fault: string): void {
    this.#pausedUntilMs = performance.now() + PAUSE_MS;
    if (this.#fault === undefined) this.#report(`the spool in ${this.config.dir} cannot be used: ${fault}.`);
    this.#fault = fault;
  }

  readonly #grow = (bytes: number): void => {
    this.#bytes += bytes;
  };
}
