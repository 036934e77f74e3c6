/**
 * Frames of a lane: up to 64 KiB of records that are published as one message, the queue in which they wait, the memory they
 * lie in, and which integration each record belongs to. Pure.
 */

export interface Frame {
  /** The place of its first record among those of all lanes. */
  readonly sequence: number;
  /** How far it is from here to where another frame may have its place: 1, or less where it is a part of one. */
  readonly step: number;
  readonly body: Buffer;
  /** What `body` lies in, where that serves again after the confirm. */
  readonly memory: Buffer | undefined;
  readonly records: number;
  /** Whose they are, in their order. */
  readonly shares: readonly Share[];
  /** What the frame counts against `bufferBytes`. */
  readonly bytes: number;
  readonly madeAtS: number;
  /** How often it was published without being confirmed. */
  attempts: number;
}

/** One that was never published. */
export function freshFrame(content: Omit<Frame, 'step' | 'attempts'>): Frame {
  return { ...content, step: 1, attempts: 0 };
}

const LINE_FEED = 0x0a;

/**
 * A frame that is larger than the broker allows, as several: its records in frames of at most `largestBody` bytes; one
 * that is larger by itself stands alone. They share the place of the frame among the others, in its order.
 */
export function split(frame: Frame, largestBody: number): Frame[] {
  const parts = group(frame.body, largestBody);
  const step = frame.step / parts.length;
  const shares = frame.shares.map((share) => ({ ...share }));
  return parts.map(({ body, records }, index) => ({
    sequence: frame.sequence + index * step,
    step,
    body,
    memory: undefined,
    records,
    shares: takeShares(shares, records),
    bytes: body.length + 1,
    madeAtS: frame.madeAtS,
    attempts: frame.attempts,
  }));
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

/** Frames in the order of their sequence, first in, first out; also where they were put in out of order. Pure. */
export interface Sequenced {
  readonly sequence: number;
}

/** What was taken is cut off in pieces: moving the rest for each one would cost as much as the queue is long. */
const CUT_FROM = 1024;

export class FrameQueue<F extends Sequenced> implements Iterable<F> {
  #frames: (F | undefined)[] = [];
  /** Where the first one stands. */
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
    // Sorted once, before the next one is taken: a lost connection gives thousands back in one turn of the event loop.
    if (last && last.sequence > frame.sequence) this.#sorted = false;
  }

  /** The first one, left where it is. */
  get first(): F | undefined {
    this.#sort();
    return this.#frames[this.#head];
  }

  /** The first one, taken out. */
  shift(): F | undefined {
    this.#sort();
    const frame = this.#frames[this.#head];
    if (!frame) return undefined;
    // Its memory is not held any longer.
    this.#frames[this.#head] = undefined;
    this.#head++;
    if (this.length === 0) this.clear();
    else if (this.#head >= CUT_FROM && this.#head >= this.length) this.#cutOff();
    return frame;
  }

  clear(): void {
    this.#frames = [];
    this.#head = 0;
    this.#sorted = true;
  }

  #sort(): void {
    if (this.#sorted) return;
    this.#cutOff();
    this.#frames.sort((a, b) => a!.sequence - b!.sequence);
    this.#sorted = true;
  }

  #cutOff(): void {
    this.#frames = this.#frames.slice(this.#head);
    this.#head = 0;
  }
}

/**
 * Memory for the bodies of frames, used again once their frame is confirmed. Buffers of this size lie outside of V8's heap,
 * and for each few dozen MiB of new ones V8 collects the whole heap: without this, a publisher under load spends two fifths
 * of its time there (bench/, `publish`).
 */
export class BodyPool {
  readonly #bodyBytes: number;
  readonly #mostFree: number;
  readonly #free: Buffer[] = [];

  /** @param keepBytes how much is kept at most while nothing is sent. */
  constructor(bodyBytes: number, keepBytes: number) {
    this.#bodyBytes = bodyBytes;
    this.#mostFree = Math.floor(keepBytes / bodyBytes);
  }

  /** Whatever it held before is still in it. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bodyBytes);
  }

  /** Nothing more is sent. */
  clear(): void {
    this.#free.length = 0;
  }

  /** Nobody may read it any more. */
  giveBack(memory: Buffer): void {
    if (this.#free.length < this.#mostFree) this.#free.push(memory);
  }
}

// Whose records a frame holds: integrations share a publisher, and its frames, but each says at its close what became of its
// own. A frame has one share for each run of records of the same integration, nearly always a single one. Pure.

/** What became of the records of one integration. */
export class Account {
  /** Backlog, and not confirmed yet. */
  pending = 0;
  confirmed = 0;
  /** Given up at a close, or at the end of the script. */
  unsent = 0;
}

export interface Share {
  readonly account: Account;
  records: number;
}

/** Adds one record behind the others. */
export function addTo(shares: Share[], account: Account): void {
  const last = shares[shares.length - 1];
  if (last?.account === account) last.records++;
  else shares.push({ account, records: 1 });
}

/** The records have left the publisher. Dropped: to make room for others, or because the broker would never take them. */
export function settleShares(shares: readonly Share[], outcome: 'confirmed' | 'unsent' | 'dropped'): void {
  for (const { account, records } of shares) {
    account.pending -= records;
    if (outcome !== 'dropped') account[outcome] += records;
  }
}

/** Takes the shares of the first `records` records out of all of them. */
export function takeShares(shares: Share[], records: number): Share[] {
  const taken: Share[] = [];
  for (let left = records; left > 0 && shares[0]; ) {
    const first = shares[0];
    const count = Math.min(left, first.records);
    taken.push({ account: first.account, records: count });
    first.records -= count;
    left -= count;
    if (first.records === 0) shares.shift();
  }
  return taken;
}

/** The order in which the records of a publisher came, over all of its lanes: how many bytes were there before. Pure. */
export class ArrivalOrder {
  readonly #frameSpan: number;
  #bytes = 0;

  /** @param frameSpan how many bytes may come, in all lanes, between the first and the last record of one frame. */
  constructor(frameSpan = Number.POSITIVE_INFINITY) {
    this.#frameSpan = frameSpan;
  }

  /** Counts a record. @returns its place; each one is greater than those before. */
  next(bytes: number): number {
    const place = this.#bytes;
    this.#bytes += bytes;
    return place;
  }

  /**
   * Whether so much has come since that place that what follows belongs into another frame: the records of a service that
   * logs rarely would else all be as old as the first of them.
   */
  isPast(place: number): boolean {
    return this.#bytes - place > this.#frameSpan;
  }
}
