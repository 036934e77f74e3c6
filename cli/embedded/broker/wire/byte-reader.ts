/** Reads AMQP values from untrusted bytes, never past their end. */

/** Malformed input. Callers convert it to the appropriate reply code. */
export class Malformed extends Error {}

export class ByteReader {
  readonly #bytes: Buffer;
  #at: number;
  #end: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = bytes.length;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  refuse(what: string): never {
    throw new Malformed(what);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (bytes > this.#end - at) throw new Malformed('it ends in the middle of a value');
    this.#at = at + bytes;
    return at;
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  octet(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  character(): string {
    return String.fromCharCode(this.octet());
  }

  short(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  long(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  /** Exact up to 2^53, which no counter here reaches. */
  longLong(): number {
    return this.long() * 0x1_0000_0000 + this.long();
  }

  bigLongLong(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  float(): number {
    return this.#bytes.readFloatBE(this.#take(4));
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  finite(value: number): number {
    return Number.isFinite(value) ? value : this.refuse(`the number ${value}`);
  }

  shortString(): string {
    const length = this.octet();
    const at = this.#take(length);
    return this.#bytes.toString('latin1', at, at + length);
  }

  longString(): string {
    const length = this.long();
    const at = this.#take(length);
    return this.#bytes.toString('latin1', at, at + length);
  }

  /** Returns what was read since `start`, without copying. */
  since(start: number): Buffer {
    return this.#bytes.subarray(start, this.#at);
  }

  /**
   * Limits reading to the next `length` bytes.
   *
   * @returns the previous end, for `leave`.
   */
  enter(length: number): number {
    if (length > this.left) this.refuse('a table is longer than its container');
    const outer = this.#end;
    this.#end = this.#at + length;
    return outer;
  }

  leave(outer: number): void {
    this.#end = outer;
  }

  /** Calls `readOne` until exactly `length` bytes are read. */
  within(length: number, readOne: () => void): void {
    const outer = this.enter(length);
    while (this.#at < this.#end) readOne();
    this.leave(outer);
  }
}
