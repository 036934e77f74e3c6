/**
 * Services that announce themselves. Whoever may publish can announce any name, so new ones are taken at a bounded rate,
 * the newest first, and no more than a bounded number in all.
 *
 * An announcement stays unacknowledged until its service is in the table, or refused because there are too many. Should
 * the process die before that, it comes again.
 */
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { reasonOf } from '../src/errors.js';
import { sleep } from '../src/time/time-limit.js';
import type { Notices } from './notices.js';
import type { Store } from './store/index.js';

/** New services taken in a second, and at most so many at once. */
const NEW_PER_SECOND = 10;

export interface AnnouncementsOptions {
  readonly maxServices: number;
  readonly store: Pick<Store, 'keepServices'>;
  readonly notices: Notices;
  /** Services that are known by now. */
  readonly known: () => ReadonlySet<string>;
  /** The table has them now, or refuses to take any. */
  readonly onTaken: (services: readonly string[]) => void;
  /** PostgreSQL is away; they are tried again. */
  readonly onUnavailable: (reason: string) => void;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

export class Announcements {
  readonly #options: AnnouncementsOptions;
  /** What to call when an announcement may be acknowledged, by the service; the one that was announced last is last. */
  readonly #waiting = new Map<string, Array<() => void>>();
  #tokens = NEW_PER_SECOND;
  #filledAtMs = performance.now();
  #working: Promise<void> | undefined;
  readonly #said = new Map<Kind, string | undefined>();

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  /** @param acknowledge called when the announcement may be acknowledged. */
  add(service: string, acknowledge: () => void): void {
    const earlier = this.#waiting.get(service) ?? [];
    this.#waiting.delete(service);
    this.#waiting.set(service, [...earlier, acknowledge]);
    this.#working ??= this.#workOff().finally(() => {
      this.#working = undefined;
    });
  }

  /** The channel that they came over has ended: they come again. */
  clear(): void {
    this.#waiting.clear();
  }

  async #workOff(): Promise<void> {
    const { onUnavailable, signal } = this.#options;
    for (let failures = 0; this.#waiting.size > 0 && !signal.aborted; ) {
      const services = this.#next();
      if (services.length === 0) {
        await sleep(1000 / NEW_PER_SECOND, signal);
        continue;
      }
      try {
        await this.#keep(services);
        failures = 0;
      } catch (error) {
        onUnavailable(reasonOf(error));
        await sleep(backoffMs(++failures, RECONNECT), signal);
      }
    }
    this.#say('too fast', undefined);
  }

  /** Which ones are written now: all that are known, to note that they still live, and as many new ones as may be. */
  #next(): string[] {
    const { maxServices, known } = this.#options;
    const all = [...this.#waiting.keys()];
    const fresh = all.filter((service) => !known().has(service)).reverse();
    const room = Math.max(0, maxServices - known().size);
    const refused = fresh.slice(room);
    for (const service of refused) this.#finish(service);
    // It stays said: a flood goes on in waves, and names the first one that it has met.
    if (refused[0] !== undefined && !this.#said.has('too many'))
      this.#say('too many', tooMany(maxServices, refused[0]));
    const admitted = fresh.slice(0, Math.min(room, this.#takeTokens(fresh.length - refused.length)));
    const left = fresh.length - refused.length - admitted.length;
    if (left > 0) this.#say('too fast', TOO_FAST);
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
    const { store, onTaken } = this.#options;
    const refusal = await store.keepServices(services);
    this.#say('refused', refusal && `announcements of services cannot be kept for other consumers: ${refusal.refused}`);
    for (const service of services) this.#finish(service);
    onTaken(services);
  }

  #finish(service: string): void {
    for (const acknowledge of this.#waiting.get(service) ?? []) acknowledge();
    this.#waiting.delete(service);
  }

  /** Keeps one notice of each kind, for as long as it holds. */
  #say(kind: Kind, sentence: string | undefined): void {
    const before = this.#said.get(kind);
    if (before === sentence) return;
    if (before !== undefined) this.#options.notices.withdraw(before);
    if (sentence !== undefined) this.#options.notices.tell(sentence);
    this.#said.set(kind, sentence);
  }
}

type Kind = 'too many' | 'too fast' | 'refused';

const TOO_FAST = `more than ${NEW_PER_SECOND} new services announced themselves within a second; ${NEW_PER_SECOND} a second are taken, the newest first.`;

function tooMany(maxServices: number, service: string): string {
  return `more than ${maxServices} services are announced, and no further one is taken, such as ${service}. If it is one of yours, raise MAX_SERVICES or name your services (SERVICE_NAMES); else find out who announces it, and delete the rows of such services from the table services.`;
}
