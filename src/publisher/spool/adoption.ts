/**
 * Segments of processes that are gone: looked for at the start and once a minute, and taken over by renaming them,
 * which only one process can do.
 */
import { lstat, readdir, rename, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Level } from '../../level.js';
import { StatusLog } from '../../status-log.js';
import { checkFolder } from './folder.js';
import { formatOwner, isFree, TOUCH_EVERY_MS } from './owner.js';
import type { Segment } from './segment.js';
import { formatName, parseName, type SegmentName } from './segment-name.js';
import type { Spool } from './spool.js';

/** How often to look for segments, in milliseconds. */
const LOOK_EVERY_MS = 60_000;

export class Adoption {
  readonly #spool: Spool;
  readonly #onSegment: (service: string, level: Level, segment: Segment) => void;
  readonly #log: StatusLog;
  readonly #services = new Set<string>();
  #looking: NodeJS.Timeout | undefined;
  #touching: NodeJS.Timeout | undefined;
  #state: 'open' | 'stopped' = 'open';
  #looks = 0;

  /**
   * @param onSegment receives each segment that was taken over.
   * @param warn receives why segments cannot be taken over, once each.
   */
  constructor(
    spool: Spool,
    onSegment: (service: string, level: Level, segment: Segment) => void,
    warn: (sentence: string) => void,
  ) {
    this.#spool = spool;
    this.#onSegment = onSegment;
    this.#log = new StatusLog((sentence) => warn(sentence));
  }

  /** Looks for segments of this service, now and from time to time. */
  add(service: string): void {
    if (this.#state === 'stopped' || this.#services.has(service)) return;
    this.#services.add(service);
    this.#looking ??= setInterval(() => this.#lookForAll(), LOOK_EVERY_MS).unref();
    this.#touching ??= setInterval(() => this.#touch(), TOUCH_EVERY_MS).unref();
    void this.#look(service);
  }

  stop(): void {
    clearInterval(this.#looking);
    clearInterval(this.#touching);
    this.#state = 'stopped';
  }

  /** More segments may follow at once. */
  get isLooking(): boolean {
    return this.#looks > 0;
  }

  get #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  #lookForAll(): void {
    for (const service of this.#services) void this.#look(service);
  }

  async #look(service: string): Promise<void> {
    const folder = this.#spool.folderOf(service);
    this.#looks++;
    try {
      await checkFolder(folder);
      const names = (await readdir(folder)).map(parseName).filter((name) => name !== undefined);
      for (const name of names.sort((a, b) => a.number - b.number)) await this.#take(service, folder, name);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // Nothing was ever spooled.
      if (code === 'ENOENT') return;
      this.#log.once(
        `records of earlier processes in ${folder} cannot be sent: ${message.replace(/\.$/, '')}. Correct the permissions of the folder.`,
      );
    } finally {
      this.#looks--;
    }
  }

  async #take(service: string, folder: string, name: SegmentName): Promise<void> {
    const file = path.join(folder, formatName(name));
    try {
      const stats = await lstat(file);
      // A link could lead to any file.
      if (!stats.isFile()) return;
      const { size, mtimeMs } = stats;
      const self = formatOwner(this.#spool.owner);
      if (name.owner === self || !isFree(name.owner, this.#spool.owner, Date.now() - mtimeMs)) return;
      if (this.#isStopped || !this.#spool.hasRoom(size)) return;
      const taken = { ...name, number: this.#spool.nextNumber(), owner: self };
      // Otherwise others would take an old file from this process at once.
      const now = new Date();
      await utimes(file, now, now).catch(() => {
        // It belongs to another user, but may be renamed and read.
      });
      await rename(file, path.join(folder, formatName(taken)));
      const segment = this.#spool.adopted(service, taken, size);
      if (this.#isStopped) segment.release();
      else this.#onSegment(service, taken.level, segment);
    } catch (error) {
      // Another process was faster.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /**
   * Shows processes in other containers that this one is alive. After it was suspended for long, they may have taken its
   * segments.
   */
  #touch(): void {
    const now = new Date();
    for (const segment of this.#spool.segments) utimes(segment.path, now, now).catch(() => segment.check());
  }
}
