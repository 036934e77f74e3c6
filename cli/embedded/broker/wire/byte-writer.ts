/** Writes AMQP values to a growing buffer, whose content can be taken without copying. */
export class ByteWriter {
  #bytes: Buffer;
  /** Start of what has not been taken. */
  #from = 0;
  #at = 0;

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  /** Number of bytes written and not yet taken. */
  get length(): number {
    return this.#at - this.#from;
  }

  /** Returns what was written since the last call. Later writes do not change it. */
  take(): Buffer {
    const taken = this.#bytes.subarray(this.#from, this.#at);
    this.#from = this.#at;
    return taken;
  }

  #room(bytes: number): number {
    if (this.#at + bytes > this.#bytes.length) this.#grow(bytes);
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  #grow(bytes: number): void {
    const { length } = this;
    const larger = Buffer.allocUnsafe(Math.max(length + bytes, this.#bytes.length, 2 * length));
    this.#bytes.copy(larger, 0, this.#from, this.#at);
    this.#bytes = larger;
    this.#from = 0;
    this.#at = length;
  }

  octet(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  short(value: number): void {
    const at = this.#room(2);
    this.#bytes.writeUInt16BE(value, at);
  }

  long(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  longLong(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
    this.#bytes.writeUInt32BE(value % 0x1_0000_0000, at + 4);
  }

  bigLongLong(value: bigint): void {
    const at = this.#room(8);
    this.#bytes.writeBigUInt64BE(value, at);
  }

  float(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeFloatBE(value, at);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  shortString(value: string): void {
    const at = this.#room(1 + value.length);
    this.#bytes[at] = value.length;
    this.#bytes.write(value, at + 1, 'latin1');
  }

  longString(value: string): void {
    const at = this.#room(4 + value.length);
    this.#bytes.writeUInt32BE(value.length, at);
    this.#bytes.write(value, at + 4, 'latin1');
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Reserves space for a length and returns its position; see `sizeHere`. */
  sizeLater(): number {
    return this.#room(4) - this.#from;
  }

  /** Fills in the number of bytes written since that position. */
  sizeHere(place: number): void {
    this.#bytes.writeUInt32BE(this.length - place - 4, this.#from + place);
  }
}
