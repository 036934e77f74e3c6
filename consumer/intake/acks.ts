/**
 * Computes the acknowledgements for a channel: one with `multiple` for a run of finished messages, single ones beyond a
 * message that is not finished. Pure.
 */
export interface Ack {
  readonly tag: number;
  /** Acknowledges everything up to this tag. */
  readonly multiple: boolean;
}

export class AckLedger {
  /** Tags in the order of delivery, which is ascending. */
  readonly #unfinished = new Set<number>();

  get unfinished(): number {
    return this.#unfinished.size;
  }

  delivered(tag: number): void {
    this.#unfinished.add(tag);
  }

  /** @param tags finished messages. Each must have been delivered and not finished before. */
  finished(tags: readonly number[]): Ack[] {
    for (const tag of tags) this.#unfinished.delete(tag);
    const lowest = this.#unfinished.values().next().value ?? Number.POSITIVE_INFINITY;
    let run = 0;
    let runEnd = 0;
    const acks: Ack[] = [];
    for (const tag of tags) {
      if (tag > lowest) acks.push({ tag, multiple: false });
      else {
        run++;
        runEnd = Math.max(runEnd, tag);
      }
    }
    if (run > 0) acks.unshift({ tag: runEnd, multiple: run > 1 });
    return acks;
  }
}
