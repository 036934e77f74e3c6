/**
 * Frames of a lane: up to 64 KiB of records that are published as one message, or one by one for Python consumers; their
 * order, the queue in which they wait, and their buffers. Pure.
 */
import { type Share, takeShares } from './account.js';
import { checkedBytes } from './spool/checked-lines.js';
import type { Place } from './spool/segment.js';

export interface Frame {
  /** Number of its first record among all records of its lane, from 0. */
  readonly ordinal: number;
  /** Place of its first record in the order of all lanes. The parts of a split frame have the place of the frame. */
  readonly sequence: number;
  readonly body: Buffer;
  /** The pooled buffer that `body` is a part of; reused after the confirm. */
  readonly memory: Buffer | undefined;
  readonly records: number;
  /** The integrations that the records belong to, in the order of the records. */
  readonly shares: readonly Share[];
  /** Bytes that count against `bufferBytes`. */
  readonly bytes: number;
  /** When it was created, in epoch seconds. */
  readonly madeAtS: number;
  /** Where its records are on disk, if they are. */
  readonly place?: Place | undefined;
  /** How often it was published without a confirm. */
  attempts: number;
}

/** Records that were dropped: a frame, or a part of what was only on disk. */
export interface Dropped extends Pick<Frame, 'ordinal' | 'records' | 'shares' | 'bytes'> {
  /** Another process had accepted them; `ordinal` means nothing then. */
  readonly isAdopted?: boolean;
}

/** A frame that was never published. */
export function freshFrame(content: Omit<Frame, 'attempts'>): Frame {
  return { ...content, attempts: 0 };
}

const LINE_FEED = 0x0a;

/**
 * Splits a frame that is larger than the broker allows into frames of at most `largestBody` bytes. A single larger
 * record becomes a frame of its own.
 */
export function split(frame: Frame, largestBody: number): Frame[] {
  const shares = frame.shares.map((share) => ({ ...share }));
  let { ordinal, place: rest } = frame;
  return group(frame.body, largestBody).map(({ body, records }) => {
    const [place, after] = splitPlace(rest, checkedBytes(body.length, records));
    const part = { ...frame, ordinal, body, memory: undefined, records, bytes: body.length + 1, place };
    ordinal += records;
    rest = after;
    return { ...part, shares: takeShares(shares, records) };
  });
}

function group(body: Buffer, largest: number): { body: Buffer; records: number }[] {
  const parts: { body: Buffer; records: number }[] = [];
  let start = 0;
  let end = 0;
  let records = 0;
  for (let at = 0; at <= body.length; at = end + 1) {
    const found = body.indexOf(LINE_FEED, at);
    const lineEnd = found === -1 ? body.length : found;
    if (records > 0 && lineEnd - start > largest) {
      parts.push({ body: body.subarray(start, end), records });
      start = at;
      records = 0;
    }
    end = lineEnd;
    records++;
  }
  parts.push({ body: body.subarray(start, end), records });
  return parts;
}

/**
 * Splits off the first records of a frame: as many as fit into a message. The place on disk is split as well.
 *
 * @returns the message, and what is left of the frame; undefined if nothing is.
 */
export function splitOff(frame: Frame, records: number): readonly [message: Frame, rest: Frame | undefined] {
  if (frame.records <= records) return [frame, undefined];
  let end = -1;
  for (let found = 0; found < records; found++) end = frame.body.indexOf(LINE_FEED, end + 1);
  const restShares = frame.shares.map(({ account, records }) => ({ account, records }));
  const shares = takeShares(restShares, records);
  const [place, restPlace] = splitPlace(frame.place, checkedBytes(end, records));
  const { ordinal, sequence, body, madeAtS, attempts } = frame;
  const bytes = end + 1;
  // Literals: this runs for each record, and spreading a frame takes far longer.
  const message = {
    ordinal,
    sequence,
    body: body.subarray(0, end),
    memory: undefined,
    records,
    shares,
    bytes,
    madeAtS,
    place,
    attempts,
  };
  const rest = {
    ordinal: ordinal + records,
    sequence,
    body: body.subarray(bytes),
    memory: undefined,
    records: frame.records - records,
    shares: restShares,
    bytes: frame.bytes - bytes,
    madeAtS,
    place: restPlace,
    attempts,
  };
  return [message, rest];
}

/** All messages of a frame. */
export function* messagesOf(frame: Frame, records: number): Iterable<Frame> {
  for (let rest: Frame | undefined = frame; rest; ) {
    const [message, after]: readonly [Frame, Frame | undefined] = splitOff(rest, records);
    yield message;
    rest = after;
  }
}

function splitPlace(place: Place | undefined, bytes: number): [Place | undefined, Place | undefined] {
  if (!place) return [undefined, undefined];
  const { segment, range } = place;
  const at = range.start + bytes;
  return [
    { segment, range: { start: range.start, end: at } },
    { segment, range: { start: at, end: range.end } },
  ];
}

/** An entry of a `FrameQueue`. */
export interface Ordered {
  readonly ordinal: number;
}

/**
 * Removed entries are cut off in batches: moving the rest for each one would make removal linear in the length of the
 * queue.
 */
const CUT_FROM = 1024;

/** A queue of frames in the order of the calls, even if they were added out of order. Pure. */
export class FrameQueue<F extends Ordered> implements Iterable<F> {
  #frames: (F | undefined)[] = [];
  /** Index of the first frame. */
  #head = 0;
  #sorted = true;

  get length(): number {
    return this.#frames.length - this.#head;
  }

  *[Symbol.iterator](): Iterator<F> {
    this.#sort();
    for (let index = this.#head; index < this.#frames.length; index++) yield this.#frames[index]!;
  }

  push(frame: F): void {
    const last = this.length === 0 ? undefined : this.#frames.at(-1);
    this.#frames.push(frame);
    // Sorted once, before the next frame is removed: a lost connection returns thousands in one turn of the event loop.
    if (last && last.ordinal > frame.ordinal) this.#sorted = false;
  }

  /** The first frame, left in the queue. */
  get first(): F | undefined {
    this.#sort();
    return this.#frames[this.#head];
  }

  /** Removes the first frame. */
  shift(): F | undefined {
    this.#sort();
    const frame = this.#frames[this.#head];
    if (!frame) return undefined;
    // Releases its memory.
    this.#frames[this.#head] = undefined;
    this.#head++;
    if (this.length === 0) this.clear();
    else if (this.#head >= CUT_FROM && this.#head >= this.length) this.#cutOff();
    return frame;
  }

  /** Puts another frame in the place of the first one. */
  replaceFirst(frame: F): void {
    this.#sort();
    this.#frames[this.#head] = frame;
  }

  clear(): void {
    this.#frames = [];
    this.#head = 0;
    this.#sorted = true;
  }

  #sort(): void {
    if (this.#sorted) return;
    this.#cutOff();
    this.#frames.sort((a, b) => a!.ordinal - b!.ordinal);
    this.#sorted = true;
  }

  #cutOff(): void {
    this.#frames = this.#frames.slice(this.#head);
    this.#head = 0;
  }
}

/**
 * Buffers for the bodies of frames, reused after the confirm. Buffers of this size are outside V8's heap, and V8
 * collects its whole heap for every few dozen MiB of new ones: without the pool, a publisher under load spends two
 * fifths of its time on garbage collection (bench/, `publish`).
 */
export class BodyPool {
  readonly #bodyBytes: number;
  readonly #maxFree: number;
  readonly #free: Buffer[] = [];

  /** @param keepBytes how much memory an idle pool keeps at most, in bytes. */
  constructor(bodyBytes: number, keepBytes: number) {
    this.#bodyBytes = bodyBytes;
    this.#maxFree = Math.floor(keepBytes / bodyBytes);
  }

  /** Not cleared: holds old content. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bodyBytes);
  }

  /** Frees the pool when nothing more is sent. */
  clear(): void {
    this.#free.length = 0;
  }

  /** The caller must not use the buffer any more. */
  giveBack(memory: Buffer): void {
    if (this.#free.length < this.#maxFree) this.#free.push(memory);
  }
}

/** The order in which records arrived, over all lanes of a publisher: the number of bytes before each. Pure. */
export class ArrivalOrder {
  readonly #frameSpan: number;
  #bytes = 0;

  /** @param frameSpan how many bytes may arrive, in all lanes, between the first and the last record of one frame. */
  constructor(frameSpan = Number.POSITIVE_INFINITY) {
    this.#frameSpan = frameSpan;
  }

  /**
   * Counts a record.
   *
   * @returns its place, greater than all before.
   */
  next(bytes: number): number {
    const place = this.#bytes;
    this.#bytes += bytes;
    return place;
  }

  /**
   * Whether so much has arrived since that place that the next record belongs in another frame. Otherwise a service
   * that logs rarely could fill one frame during a long outage, and its new records would be dropped as early as the
   * first of them.
   */
  isPast(place: number): boolean {
    return this.#bytes - place > this.#frameSpan;
  }
}
