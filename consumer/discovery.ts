/**
 * Whose records are taken: of the services that were named; or, without names, of every one that has announced itself.
 *
 * An announcement reaches one consumer, whichever it is. That one keeps it in the table `services` before it is
 * acknowledged, and all that run without names look there: at the start, and every few seconds.
 */
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { shown } from '../src/settings/option.js';
import { sleep } from '../src/time/time-limit.js';
import { SERVICE_NAME } from '../src/wire.js';
import type { Notices } from './notices.js';
import type { Store } from './store/index.js';

/** How often the table is read: one that another consumer has kept is found as late as that. */
const LOOK_EVERY_MS = 2000;

export interface DiscoveryOptions {
  readonly services: readonly string[] | 'every';
  readonly store: Pick<Store, 'keepServices' | 'services'>;
  readonly notices: Notices;
  /** A service was found while the consumer runs. */
  readonly onFound: (service: string) => void;
}

export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #services: Set<string>;
  /** Names in the table that no queue could have. */
  readonly #unfit = new Set<string>();
  #readNotice: string | undefined;
  #writeNotice: string | undefined;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#services = new Set(options.services === 'every' ? [] : options.services);
  }

  /** Those that are known, in the order in which they were named or found. */
  get services(): readonly string[] {
    return [...this.#services];
  }

  /**
   * What others have found before: nothing is told of it.
   *
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE
   */
  async begin(): Promise<void> {
    for (const service of await this.#read()) this.#services.add(service);
  }

  /** Looks for what other consumers find, until the signal is given. Never rejects. */
  async watch(isRunning: () => boolean, signal: AbortSignal): Promise<void> {
    if (this.#options.services !== 'every') return;
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, signal);
      if (!isRunning()) continue;
      try {
        this.#found(await this.#read());
      } catch (error) {
        // Storage is away: that is told, and waited for, when something is to be stored.
        internalLogger.debug(`services are not looked for: ${reasonOf(error)}`);
      }
    }
  }

  /**
   * Resolves when these announcements may be acknowledged.
   *
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE
   */
  async keep(announced: readonly string[]): Promise<void> {
    if (announced.length === 0) return;
    const refusal = await this.#options.store.keepServices(announced);
    this.#writeNotice = this.#tell(
      this.#writeNotice,
      refusal && `announcements of services cannot be kept for other consumers: ${refusal.refused}`,
    );
    this.#found(announced);
  }

  async #read(): Promise<string[]> {
    if (this.#options.services !== 'every') return [];
    const rows = await this.#options.store.services();
    const refused = 'refused' in rows ? rows.refused : undefined;
    this.#readNotice = this.#tell(
      this.#readNotice,
      refused && `services that other consumers have found are not known: ${refused}`,
    );
    return 'refused' in rows ? [] : rows.filter((service) => this.#isFit(service));
  }

  /** Anybody may write into a table. */
  #isFit(service: string): boolean {
    if (SERVICE_NAME.test(service)) return true;
    if (!this.#unfit.has(service)) {
      this.#unfit.add(service);
      internalLogger.warning(
        `table services holds ${shown(service)}, which cannot be the name of a service; it is passed over. Delete that row.`,
      );
    }
    return false;
  }

  #found(services: readonly string[]): void {
    if (this.#options.services !== 'every') return;
    for (const service of services) {
      if (this.#services.has(service)) continue;
      this.#services.add(service);
      internalLogger.info(`service ${service} was found; its messages are taken as well`);
      this.#options.onFound(service);
    }
  }

  /** Keeps one notice for as long as it is so. */
  #tell(before: string | undefined, now: string | undefined): string | undefined {
    if (before !== undefined && before !== now) this.#options.notices.withdraw(before);
    if (now !== undefined) this.#options.notices.tell(now);
    return now;
  }
}
