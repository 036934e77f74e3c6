/** The order in which the records of a publisher came, over all of its lanes: how many bytes were there before. Pure. */
export class Arrivals {
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
