/**
 * The ready messages of a queue. New messages are appended; requeued ones return to their position. Messages are always
 * taken from the front, so all requeued messages precede all fresh ones: requeued ones are in a heap ordered by
 * position, fresh ones in a list with a moving head. No operation shifts elements.
 */
import type { Message } from './message.js';

export interface Entry {
  readonly message: Message;
  /** Order among requeued messages. */
  position: number;
  /** On the clock of performance.now(); Infinity: never. */
  readonly expiresAtMs: number;
  redelivered: boolean;
  /** Number of failed deliveries, for quorum queues. */
  deliveryCount: number;
}

/** The list is compacted once it has this many consumed slots. */
const COMPACT_AFTER = 1024;

export class ReadyList {
  #fresh: Array<Entry | undefined> = [];
  #head = 0;
  /** A binary heap, lowest position first. */
  #returned: Entry[] = [];

  get length(): number {
    return this.#fresh.length - this.#head + this.#returned.length;
  }

  first(): Entry | undefined {
    return this.#returned[0] ?? this.#fresh[this.#head];
  }

  append(entry: Entry): void {
    this.#fresh.push(entry);
  }

  takeFirst(): Entry | undefined {
    if (this.#returned.length > 0) return this.#takeReturned();
    const entry = this.#fresh[this.#head];
    if (entry === undefined) return undefined;
    this.#fresh[this.#head++] = undefined;
    if (this.#head === this.#fresh.length) {
      this.#fresh = [];
      this.#head = 0;
    } else if (this.#head >= COMPACT_AFTER && this.#head * 2 >= this.#fresh.length) {
      this.#fresh = this.#fresh.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  requeue(entry: Entry): void {
    const heap = this.#returned;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Entry;
      if (above.position < entry.position) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #takeReturned(): Entry {
    const heap = this.#returned;
    const first = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Entry).position < (heap[child] as Entry).position) child++;
      if ((heap[child] as Entry).position > last.position) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
    return first;
  }

  /** Removes and returns all messages, unordered. */
  takeAll(): Entry[] {
    const all = [...this.#returned, ...(this.#fresh.slice(this.#head) as Entry[])];
    this.#fresh = [];
    this.#head = 0;
    this.#returned = [];
    return all;
  }
}
