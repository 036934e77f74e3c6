/**
 * Service names as label values. They come from the network, and each one creates time series that Prometheus keeps for
 * weeks, so their number is limited and they are safe to print. Pure.
 */
import { SERVICE_NAME } from '../wire.js';

/** The label for all services beyond the limit, and for names that are not valid service names. */
export const OTHER_SERVICE = 'other';

export class ServiceLabels {
  readonly #max: number;
  readonly #known = new Set<string>([OTHER_SERVICE]);

  /** @param max maximum number of services with their own label; the first ones get one. */
  constructor(max: number) {
    this.#max = max;
  }

  of(service: string): string {
    if (this.#known.has(service)) return service;
    if (this.#known.size > this.#max || !SERVICE_NAME.test(service)) return OTHER_SERVICE;
    this.#known.add(service);
    return service;
  }
}
