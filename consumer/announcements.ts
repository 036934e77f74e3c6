/**
 * Services that announce themselves. Whoever may publish can announce any name, so new ones are taken at a bounded rate,
 * the newest first, and no more than a bounded number in all.
 *
 * An announcement stays unacknowledged until its service is in the table, or refused because there are too many. Should
 * the process die before that, it comes again.
 */
import { setImmediate } from 'node:timers/promises';
import { RECONNECT } from '../src/backoff.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { StatusLog } from '../src/status-log.js';
import { sleep } from '../src/time/time-limit.js';
import { retry } from './retry.js';
import type { Store } from './store/index.js';

/** New services taken in a second, and at most so many at once. */
const NEW_PER_SECOND = 10;

export interface AnnouncementsOptions {
  readonly maxServices: number;
  readonly store: Pick<Store, 'keepServices'>;
  /** What a person should know, for as long as it holds. */
  readonly notices: StatusLog;
  /** Services that are known by now. */
  readonly known: () => ReadonlySet<string>;
  /** The table has them now, or refuses to take any. The rank is the higher the later they were announced. */
  readonly onTaken: (services: ReadonlyArray<readonly [service: string, rank: number]>) => void;
  /** PostgreSQL is away; they are tried again. */
  readonly onUnavailable: (reason: string) => void;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

interface Waiting {
  /** What to call when its announcements may be acknowledged. */
  readonly acknowledgements: Array<() => void>;
  readonly rank: number;
}

export class Announcements {
  readonly #options: AnnouncementsOptions;
  /** By the service; the one that was announced last is last. */
  readonly #waiting = new Map<string, Waiting>();
  #announced = 0;
  #tokens = NEW_PER_SECOND;
  #filledAtMs = performance.now();
  #working: Promise<void> | undefined;

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  /** @param acknowledge called when the announcement may be acknowledged. */
  add(service: string, acknowledge: () => void): void {
    const acknowledgements = this.#waiting.get(service)?.acknowledgements ?? [];
    acknowledgements.push(acknowledge);
    this.#waiting.delete(service);
    this.#waiting.set(service, { acknowledgements, rank: ++this.#announced });
    this.#working ??= this.#workOff()
      // Whatever else it fails with is a fault of ours, and must not end the process.
      .catch((error) => internalLogger.error(`consumer: ${reasonOf(error)}`))
      .finally(() => {
        this.#working = undefined;
      });
  }

  /** The channel that they came over has ended: they come again. */
  clear(): void {
    this.#waiting.clear();
  }

  async #workOff(): Promise<void> {
    const { notices, onUnavailable, signal } = this.#options;
    // Those that came in one piece with the first one are to be looked at together.
    await setImmediate();
    while (this.#waiting.size > 0 && !signal.aborted) {
      const services = this.#next();
      if (services.length === 0) await sleep(1000 / NEW_PER_SECOND, signal);
      else {
        const onFailure = ({ message }: Error) => onUnavailable(message);
        await retry(() => this.#keep(services), { policy: RECONNECT, signal, onFailure });
      }
    }
    notices.report('services too fast', undefined);
  }

  /** Which ones are written now: all that are known, to note that they still live, and as many new ones as may be. */
  #next(): string[] {
    const { maxServices, known, notices } = this.#options;
    const all = [...this.#waiting.keys()];
    const fresh = all.filter((service) => !known().has(service)).reverse();
    const room = Math.max(0, maxServices - known().size);
    const refused = fresh.slice(room);
    for (const service of refused) this.#finish(service);
    // The first name stands for all of them: a flood must not fill the log.
    if (refused[0] !== undefined) notices.once(tooMany(maxServices, refused[0]), 'services too many');
    const admitted = fresh.slice(0, Math.min(room, this.#takeTokens(fresh.length - refused.length)));
    const left = fresh.length - refused.length - admitted.length;
    if (left > 0) notices.report('services too fast', TOO_FAST);
    return [...all.filter((service) => known().has(service)), ...admitted];
  }

  #takeTokens(wanted: number): number {
    const now = performance.now();
    const filled = this.#tokens + ((now - this.#filledAtMs) / 1000) * NEW_PER_SECOND;
    const available = Math.min(NEW_PER_SECOND, filled);
    const taken = Math.min(wanted, Math.floor(available));
    this.#tokens = available - taken;
    this.#filledAtMs = now;
    return taken;
  }

  async #keep(services: readonly string[]): Promise<void> {
    const { notices, store, onTaken } = this.#options;
    const refusal = await store.keepServices(services);
    notices.report(
      'services not kept',
      refusal && `announcements of services cannot be kept for other consumers: ${refusal.refused}`,
    );
    const taken = services.map((service) => [service, this.#waiting.get(service)?.rank ?? 0] as const);
    for (const service of services) this.#finish(service);
    onTaken(taken);
  }

  #finish(service: string): void {
    for (const acknowledge of this.#waiting.get(service)?.acknowledgements ?? []) acknowledge();
    this.#waiting.delete(service);
  }
}

const TOO_FAST = `more than ${NEW_PER_SECOND} new services announced themselves within a second; ${NEW_PER_SECOND} a second are taken, the newest first.`;

function tooMany(maxServices: number, service: string): string {
  return `more than ${maxServices} services are announced, and no further one is taken, such as ${service}. If it is one of yours, raise MAX_SERVICES or name your services (SERVICE_NAMES); else find out who announces it, and delete the rows of such services from the table services.`;
}
