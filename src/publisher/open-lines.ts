/** The lines of the frame that a lane is still filling. Pure. */
import { writeLine } from '../frame.js';
import { type Account, addTo, type Share } from './account.js';
import { type BodyPool, type Frame, freshFrame } from './frames.js';
import type { Place } from './spool/segment.js';

/** Where its first line belongs. */
export interface Start {
  readonly ordinal: number;
  readonly sequence: number;
  /** When it was logged, in epoch seconds. */
  readonly madeAtS: number;
  /** Where the line is on disk, if each is written there at once. */
  readonly place: Place | undefined;
}

export class OpenLines {
  readonly sequence: number;
  readonly madeAtS: number;
  readonly #segment: Place['segment'] | undefined;
  readonly #ordinal: number;
  readonly #bodies: BodyPool;
  readonly #memory: Buffer;
  readonly #shares: Share[] = [];
  readonly #startOnDisk: number;
  #endOnDisk = 0;
  #filled = 0;
  records = 0;
  /** Size of the lines, each with its newline. */
  bytes = 0;

  constructor({ ordinal, sequence, madeAtS, place }: Start, bodies: BodyPool) {
    this.#ordinal = ordinal;
    this.sequence = sequence;
    this.madeAtS = madeAtS;
    this.#segment = place?.segment;
    this.#startOnDisk = place?.range.start ?? 0;
    this.#endOnDisk = this.#startOnDisk;
    this.#bodies = bodies;
    this.#memory = bodies.take();
  }

  /** Whether a line at this place on disk follows the others there: what moved there meanwhile may be in between. */
  isContinuedAt(place: Place | undefined): boolean {
    return place?.segment === this.#segment && (place?.range.start ?? 0) === this.#endOnDisk;
  }

  /** If the caller's stack is exhausted, it throws before anything has changed that `frame()` uses. */
  add(line: string, bytes: number, account: Account, place: Place | undefined): void {
    const filled = writeLine(this.#memory, this.#filled, line, bytes - 1);
    addTo(this.#shares, account);
    this.#filled = filled;
    this.#endOnDisk = place?.range.end ?? 0;
    this.records++;
    this.bytes += bytes;
  }

  /** The closed frame. */
  frame(): Frame {
    const lines = this.#memory.subarray(0, this.#filled);
    // A few lines must not occupy a whole buffer while they wait.
    const isCopied = this.#filled < this.#memory.length / 2;
    const body = isCopied ? Buffer.from(lines) : lines;
    if (isCopied) this.#bodies.giveBack(this.#memory);
    const range = { start: this.#startOnDisk, end: this.#endOnDisk };
    return freshFrame({
      ordinal: this.#ordinal,
      sequence: this.sequence,
      body,
      memory: isCopied ? undefined : this.#memory,
      records: this.records,
      shares: this.#shares,
      bytes: this.bytes,
      madeAtS: this.madeAtS,
      place: this.#segment && { segment: this.#segment, range },
    });
  }
}
