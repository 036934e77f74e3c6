/**
 * Names of services as labels. They come from the network, and each one makes time series that Prometheus keeps for
 * weeks: so they are bounded, and safe to print. Pure.
 */
import { SERVICE_NAME } from '../wire.js';

/** What the records of all further services are counted as, and those whose name could not be that of a queue. */
export const OTHER_SERVICE = 'other';

export class ServiceLabels {
  readonly #most: number;
  readonly #known = new Set<string>([OTHER_SERVICE]);

  /** @param most how many services have a label of their own: the first ones. */
  constructor(most: number) {
    this.#most = most;
  }

  of(service: string): string {
    if (this.#known.has(service)) return service;
    if (this.#known.size > this.#most || !SERVICE_NAME.test(service)) return OTHER_SERVICE;
    this.#known.add(service);
    return service;
  }
}
