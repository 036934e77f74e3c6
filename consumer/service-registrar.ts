/**
 * Registers services that announce themselves. Anyone who can publish can announce any name, so new services are
 * accepted at a limited rate, newest first, and up to a maximum number.
 *
 * An announcement stays unacknowledged until its service is stored in the table, or rejected because there are too
 * many. If the process dies before that, the broker redelivers it. A table that cannot be written to blocks nothing:
 * messages of the service are consumed meanwhile. After ten minutes, long before the broker would close the channel
 * over it, the announcement is acknowledged anyway. Producers announce themselves again every hour.
 */
import { setImmediate } from 'node:timers/promises';
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { StatusLog } from '../src/status-log.js';
import { sleep } from '../src/time/time-limit.js';
import { isStorageFault, type Store } from './store/index.js';

/** New services accepted per second, and in one burst. */
const NEW_PER_SECOND = 10;
/** Longest sleep while every waiting announcement is held, in milliseconds. */
const MAX_SLEEP_MS = 1000;
/** How long an announcement that cannot be stored stays unacknowledged, in milliseconds. */
const MAX_HOLD_MS = 10 * 60_000;

export interface ServiceRegistrarOptions {
  readonly maxServices: number;
  readonly store: Pick<Store, 'saveServices'>;
  /** Conditions that need attention, reported while they last. */
  readonly notices: StatusLog;
  /** Services known so far. */
  readonly known: () => ReadonlySet<string>;
  /**
   * Messages of these services may be consumed. Called for each announcement; later announcements have a higher rank.
   */
  readonly onAccepted: (services: ReadonlyArray<readonly [service: string, rank: number]>) => void;
  /** Aborts all waiting. */
  readonly signal: AbortSignal;
}

interface Waiting {
  /** Acknowledges each announcement. `worker` is the worker that consumed it. */
  readonly acknowledgements: ReadonlyArray<{ readonly worker: number; readonly acknowledge: () => void }>;
  readonly rank: number;
  /** When storing it first failed, in the time of `performance.now()`. */
  readonly heldSinceMs?: number;
}

export class ServiceRegistrar {
  readonly #options: ServiceRegistrarOptions;
  /** By service. The most recently announced is last. */
  readonly #waiting = new Map<string, Waiting>();
  #announced = 0;
  #failures = 0;
  #triesAgainAtMs = 0;
  #tokens = NEW_PER_SECOND;
  #filledAtMs = performance.now();
  #working: Promise<void> | undefined;
  /** Aborts the current sleep. */
  #woken = new AbortController();

  constructor(options: ServiceRegistrarOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#woken.abort(), { once: true });
  }

  /**
   * @param acknowledge acknowledges the announcement.
   * @param worker the worker that consumed it.
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
    this.#working ??= this.#process()
      // Any other failure is a bug in Loghive and must not end the process.
      .catch((error) => internalLogger.error(`consumer: ${reasonOf(error)}`))
      .finally(() => {
        this.#working = undefined;
      });
  }

  /** The channel on which this worker consumed them is closed: the broker redelivers them. */
  clear(worker: number): void {
    for (const [service, waiting] of this.#waiting) {
      const left = waiting.acknowledgements.filter((each) => each.worker !== worker);
      if (left.length === waiting.acknowledgements.length) continue;
      if (left.length === 0) this.#waiting.delete(service);
      else this.#waiting.set(service, { ...waiting, acknowledgements: left });
    }
  }

  async #process(): Promise<void> {
    const { notices, signal } = this.#options;
    // Handle announcements that arrived in the same read together.
    await setImmediate();
    while (this.#waiting.size > 0 && !signal.aborted) {
      const { services, left } = this.#next();
      if (services.length > 0) await this.#register(services);
      else if (left > 0) await sleep(1000 / NEW_PER_SECOND, signal);
      else await this.#sleepUntilNextTry();
    }
    notices.report('services too fast', undefined);
  }

  /** Sleeps while every waiting announcement is held. A new one wakes it. */
  async #sleepUntilNextTry(): Promise<void> {
    this.#woken = new AbortController();
    const ms = Math.ceil(this.#triesAgainAtMs - performance.now());
    await sleep(Math.min(Math.max(ms, 1), MAX_SLEEP_MS), this.#woken.signal);
  }

  /**
   * Which services to store now: all known ones, to update when they were last seen, and as many new ones as the rate
   * allows. `left` is the number of new ones left for later.
   */
  #next(): { readonly services: readonly string[]; readonly left: number } {
    const { maxServices, known, notices } = this.#options;
    const all = [...this.#waiting.keys()];
    const fresh = all.filter((service) => !known().has(service)).reverse();
    const room = Math.max(0, maxServices - known().size);
    const refused = fresh.slice(room);
    for (const service of refused) this.#finish(service);
    // Name only the first one, so that a flood does not fill the log.
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

  async #register(services: readonly string[]): Promise<void> {
    const accepted = services.map((service) => [service, this.#waiting.get(service)?.rank ?? 0] as const);
    const isStored = this.#mayTry && (await this.#store(services));
    for (const service of services) {
      if (isStored) this.#finish(service);
      else this.#hold(service);
    }
    this.#options.onAccepted(accepted);
  }

  /** @returns whether the table stored them or rejected them permanently. */
  async #store(services: readonly string[]): Promise<boolean> {
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
    const sentence = reason && `service announcements cannot be stored for other consumers: ${reason}`;
    this.#options.notices.report('services not kept', sentence);
  }

  #hold(service: string): void {
    const waiting = this.#waiting.get(service);
    if (!waiting) return;
    const now = performance.now();
    const { heldSinceMs = now } = waiting;
    const isOver = now - heldSinceMs >= MAX_HOLD_MS;
    if (isOver) for (const { acknowledge } of waiting.acknowledgements) acknowledge();
    this.#waiting.set(service, { ...waiting, heldSinceMs, ...(isOver ? { acknowledgements: [] } : {}) });
  }

  #finish(service: string): void {
    for (const { acknowledge } of this.#waiting.get(service)?.acknowledgements ?? []) acknowledge();
    this.#waiting.delete(service);
  }
}

const TOO_FAST = `more than ${NEW_PER_SECOND} new services announced themselves within one second; ${NEW_PER_SECOND} per second are accepted, newest first.`;

function tooMany(maxServices: number, service: string): string {
  return `more than ${maxServices} services have announced themselves. Further ones, such as ${service}, are ignored. If the service is yours, raise MAX_SERVICES or list your services in SERVICE_NAMES. Otherwise find out who announces it, and delete the unwanted rows from the table services.`;
}
