/**
 * Services that announce themselves. Whoever may publish can announce any name, so new ones are taken at a bounded rate,
 * the newest first, and no more than a bounded number in all.
 *
 * An announcement stays unacknowledged until its service is in the table, or refused because there are too many. Should
 * the process die before that, it comes again. A table that cannot take it holds up nothing: the messages of the service
 * are taken meanwhile, and after ten minutes, long before the broker would close the channel over it, the announcement is
 * acknowledged as well. Producers announce themselves anew every hour.
 */
import { setImmediate } from 'node:timers/promises';
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { StatusLog } from '../src/status-log.js';
import { sleep } from '../src/time/time-limit.js';
import { isStorageFault, type Store } from './store/index.js';

/** New services taken in a second, and at most so many at once. */
const NEW_PER_SECOND = 10;
/** How long it sleeps at most while all that wait are held, in milliseconds. */
const MOST_SLEEP_MS = 1000;
/** How long an announcement is held that cannot be kept, in milliseconds. */
const HELD_MS = 10 * 60_000;

export interface AnnouncementsOptions {
  readonly maxServices: number;
  readonly store: Pick<Store, 'saveServices'>;
  /** What a person should know, for as long as it holds. */
  readonly notices: StatusLog;
  /** Services that are known by now. */
  readonly known: () => ReadonlySet<string>;
  /** Their messages may be taken. Called for each announcement; the later it came, the higher the rank. */
  readonly onTaken: (services: ReadonlyArray<readonly [service: string, rank: number]>) => void;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

interface Waiting {
  /** What to call when its announcements may be acknowledged, and the worker that took each. */
  readonly acknowledgements: ReadonlyArray<{ readonly worker: number; readonly acknowledge: () => void }>;
  readonly rank: number;
  /** Since when it could not be kept, in the time of `performance.now()`. */
  readonly heldSinceMs?: number;
}

export class Announcements {
  readonly #options: AnnouncementsOptions;
  /** By the service; the one that was announced last is last. */
  readonly #waiting = new Map<string, Waiting>();
  #announced = 0;
  #failures = 0;
  #triesAgainAtMs = 0;
  #tokens = NEW_PER_SECOND;
  #filledAtMs = performance.now();
  #working: Promise<void> | undefined;
  /** Ends the sleep. */
  #woken = new AbortController();

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#woken.abort(), { once: true });
  }

  /**
   * @param acknowledge called when the announcement may be acknowledged.
   * @param worker who took it.
   */
  add(service: string, acknowledge: () => void, worker: number): void {
    const before = this.#waiting.get(service);
    this.#waiting.delete(service);
    this.#waiting.set(service, {
      ...before,
      acknowledgements: [...(before?.acknowledgements ?? []), { worker, acknowledge }],
      rank: ++this.#announced,
    });
    this.#woken.abort();
    this.#working ??= this.#workOff()
      // Whatever else it fails with is a fault of ours, and must not end the process.
      .catch((error) => internalLogger.error(`consumer: ${reasonOf(error)}`))
      .finally(() => {
        this.#working = undefined;
      });
  }

  /** The channel over which this worker took them has ended: they come again. */
  clear(worker: number): void {
    for (const [service, waiting] of this.#waiting) {
      const left = waiting.acknowledgements.filter((each) => each.worker !== worker);
      if (left.length === waiting.acknowledgements.length) continue;
      if (left.length === 0) this.#waiting.delete(service);
      else this.#waiting.set(service, { ...waiting, acknowledgements: left });
    }
  }

  async #workOff(): Promise<void> {
    const { notices, signal } = this.#options;
    // Those that came in one piece with the first one are to be looked at together.
    await setImmediate();
    while (this.#waiting.size > 0 && !signal.aborted) {
      const { services, left } = this.#next();
      if (services.length > 0) await this.#take(services);
      else if (left > 0) await sleep(1000 / NEW_PER_SECOND, signal);
      else await this.#sleepUntilNextTry();
    }
    notices.report('services too fast', undefined);
  }

  /** All that wait are held. One that comes meanwhile does not wait for it. */
  async #sleepUntilNextTry(): Promise<void> {
    this.#woken = new AbortController();
    const ms = Math.ceil(this.#triesAgainAtMs - performance.now());
    await sleep(Math.min(Math.max(ms, 1), MOST_SLEEP_MS), this.#woken.signal);
  }

  /**
   * Which ones are written now: all that are known, to note that they still live, and as many new ones as may be; and how
   * many new ones are left for later.
   */
  #next(): { readonly services: readonly string[]; readonly left: number } {
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
    notices.report('services too fast', left > 0 ? TOO_FAST : undefined);
    const seen = all.filter((service) => known().has(service) && (this.#mayTry || !this.#isHeld(service)));
    return { services: [...seen, ...admitted], left };
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

  get #mayTry(): boolean {
    return performance.now() >= this.#triesAgainAtMs;
  }

  #isHeld(service: string): boolean {
    return this.#waiting.get(service)?.heldSinceMs !== undefined;
  }

  async #take(services: readonly string[]): Promise<void> {
    const taken = services.map((service) => [service, this.#waiting.get(service)?.rank ?? 0] as const);
    const isKept = this.#mayTry && (await this.#keep(services));
    for (const service of services) {
      if (isKept) this.#finish(service);
      else this.#hold(service);
    }
    this.#options.onTaken(taken);
  }

  /** @returns whether the table has them or refuses them for good. */
  async #keep(services: readonly string[]): Promise<boolean> {
    const { store } = this.#options;
    try {
      const refusal = await store.saveServices(services);
      this.#failures = 0;
      this.#report(refusal?.refused);
      return true;
    } catch (error) {
      this.#triesAgainAtMs = performance.now() + backoffMs(++this.#failures, RECONNECT);
      this.#report(isStorageFault(error) ? error.reason : reasonOf(error));
      return false;
    }
  }

  #report(reason: string | undefined): void {
    const sentence = reason && `announcements of services cannot be kept for other consumers: ${reason}`;
    this.#options.notices.report('services not kept', sentence);
  }

  #hold(service: string): void {
    const waiting = this.#waiting.get(service);
    if (!waiting) return;
    const now = performance.now();
    const { heldSinceMs = now } = waiting;
    const isOver = now - heldSinceMs >= HELD_MS;
    if (isOver) for (const { acknowledge } of waiting.acknowledgements) acknowledge();
    this.#waiting.set(service, { ...waiting, heldSinceMs, ...(isOver ? { acknowledgements: [] } : {}) });
  }

  #finish(service: string): void {
    for (const { acknowledge } of this.#waiting.get(service)?.acknowledgements ?? []) acknowledge();
    this.#waiting.delete(service);
  }
}

const TOO_FAST = `more than ${NEW_PER_SECOND} new services announced themselves within a second; ${NEW_PER_SECOND} a second are taken, the newest first.`;

function tooMany(maxServices: number, service: string): string {
  return `more than ${maxServices} services are announced, and no further one is taken, such as ${service}. If it is one of yours, raise MAX_SERVICES or name your services (SERVICE_NAMES); else find out who announces it, and delete the rows of such services from the table services.`;
}
