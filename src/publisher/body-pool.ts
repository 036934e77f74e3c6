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
