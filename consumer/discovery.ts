/**
 * Whose records are taken: of the services that were named; or, without names, of every one that has announced itself.
 *
 * An announcement reaches one consumer, whichever it is. That one keeps it in the table `services` before it is
 * acknowledged, and all that run without names look there: at the start, and every few seconds.
 */
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { shown } from '../src/settings/option.js';
import { StatusLog } from '../src/status-log.js';
import { sleep } from '../src/time/time-limit.js';
import { SERVICE_NAME } from '../src/wire.js';
import { Announcements } from './announcements.js';
import type { Store } from './store/index.js';
import { unannounced } from './unannounced.js';

/** How often the table is read: one that another consumer has kept is found as late as that. */
const LOOK_EVERY_MS = 2000;
/** What was announced before the start has been read from its queue by then. */
const ANNOUNCED_WITHIN_MS = 30_000;

export interface DiscoveryOptions {
  readonly services: readonly string[] | 'every';
  /** Of those that announce themselves. */
  readonly maxServices: number;
  readonly store: Pick<Store, 'saveServices' | 'services'>;
  /** What a person should know, for as long as it holds. */
  readonly notices: StatusLog;
  /** A service was found while the consumer runs. Its rank is the higher the later it was announced; 0: nobody knows. */
  readonly onFound: (service: string, rank: number) => void;
  /** How long after the start a name that was given is taken for unknown. Default 30000. */
  readonly announcedWithinMs?: number;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

export class Discovery {
  readonly announcements: Announcements;
  readonly #options: DiscoveryOptions;
  /** Those whose records are taken. */
  readonly #services: Set<string>;
  /** Those in the table, and those that are taken. */
  readonly #known: Set<string>;
  readonly #warnings = new StatusLog((sentence) => internalLogger.warning(sentence));

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#services = new Set(options.services === 'every' ? [] : options.services);
    this.#known = new Set(this.#services);
    const { maxServices, store, notices, signal } = options;
    this.announcements = new Announcements({
      maxServices,
      store,
      notices,
      known: () => this.#known,
      onTaken: (services) => this.#found(services),
      signal,
    });
  }

  /** Those whose records are taken, in the order in which they were named or found. */
  get services(): readonly string[] {
    return [...this.#services];
  }

  /**
   * What others have found before: nothing is said of it.
   *
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE
   */
  async begin(): Promise<void> {
    for (const service of await this.#read()) {
      this.#known.add(service);
      if (this.#options.services === 'every') this.#services.add(service);
    }
  }

  /** Looks for what other consumers find, until the signal is given. Never rejects. */
  async watch(isRunning: () => boolean): Promise<void> {
    const { services, signal } = this.#options;
    if (services !== 'every') return this.#tellOfUnannounced(services, isRunning);
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, signal);
      if (!isRunning()) continue;
      try {
        this.#found((await this.#read()).map((service) => [service, 0]));
      } catch (error) {
        // Storage is away: that is said, and waited for, when something is to be stored.
        internalLogger.debug(`services are not looked for: ${reasonOf(error)}`);
      }
    }
  }

  /** Once. */
  async #tellOfUnannounced(named: readonly string[], isRunning: () => boolean): Promise<void> {
    const { announcedWithinMs = ANNOUNCED_WITHIN_MS, signal, store } = this.#options;
    await sleep(announcedWithinMs, signal);
    for (; !signal.aborted; await sleep(LOOK_EVERY_MS, signal)) {
      if (!isRunning()) continue;
      try {
        const rows = await store.services();
        const found = 'refused' in rows ? undefined : unannounced(named, rows);
        if (found) internalLogger[found.isLikelyWrong ? 'warning' : 'info'](found.sentence);
        return;
      } catch (error) {
        internalLogger.debug(`services are not looked for: ${reasonOf(error)}`);
      }
    }
  }

  async #read(): Promise<string[]> {
    const rows = await this.#options.store.services();
    const refused = 'refused' in rows ? rows.refused : undefined;
    // Who was given names needs no others.
    if (this.#options.services === 'every') {
      this.#options.notices.report(
        'services not read',
        refused && `services that other consumers have found are not known: ${refused}`,
      );
    }
    return 'refused' in rows ? [] : rows.filter((service) => this.#isFit(service));
  }

  /** Anybody may write into a table. */
  #isFit(service: string): boolean {
    if (SERVICE_NAME.test(service)) return true;
    this.#warnings.once(
      `table services holds ${shown(service)}, which cannot be the name of a service; it is passed over. Delete that row.`,
    );
    return false;
  }

  #found(services: Iterable<readonly [service: string, rank: number]>): void {
    for (const [service, rank] of services) {
      this.#known.add(service);
      if (this.#options.services !== 'every' || this.#services.has(service)) continue;
      this.#services.add(service);
      internalLogger.info(`service ${service} was found; its messages are taken as well`);
      this.#options.onFound(service, rank);
    }
  }
}
