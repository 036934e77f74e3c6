/**
 * Decides which services are consumed: the named ones, or without names every service that has announced itself.
 *
 * An announcement reaches only one consumer. That consumer stores it in the table `services` before acknowledging it.
 * All consumers without names read that table when they start and every few seconds.
 */
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { nearest } from '../src/settings/nearest.js';
import { shown } from '../src/settings/option.js';
import { StatusLog } from '../src/status-log.js';
import { sleep } from '../src/time/time-limit.js';
import { SERVICE_NAME } from '../src/wire.js';
import { ServiceRegistrar } from './service-registrar.js';
import type { Store } from './store/index.js';

/** How often the table is read, in milliseconds. A service stored by another consumer is found with this delay. */
const LOOK_EVERY_MS = 2000;
/** Announcements made before the start have been read from their queue by then, in milliseconds. */
const ANNOUNCED_WITHIN_MS = 30_000;

export interface DiscoveryOptions {
  readonly services: readonly string[] | 'every';
  /** Maximum number of services that announce themselves. */
  readonly maxServices: number;
  readonly store: Pick<Store, 'keepServices' | 'services'>;
  /** Conditions that need attention, reported while they last. */
  readonly notices: StatusLog;
  /** A service was found while the consumer runs. A later announcement has a higher rank; 0 if it is unknown. */
  readonly onFound: (service: string, rank: number) => void;
  /** How long after the start a named service without an announcement is reported, in milliseconds. Default 30000. */
  readonly announcedWithinMs?: number;
  /** Aborts all waiting. */
  readonly signal: AbortSignal;
}

export class Discovery {
  readonly registrar: ServiceRegistrar;
  readonly #options: DiscoveryOptions;
  /** Services whose records are consumed. */
  readonly #services: Set<string>;
  /** Services in the table, and those that are consumed. */
  readonly #known: Set<string>;
  readonly #warnings = new StatusLog((sentence) => internalLogger.warning(sentence));

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#services = new Set(options.services === 'every' ? [] : options.services);
    this.#known = new Set(this.#services);
    const { maxServices, store, notices, signal } = options;
    this.registrar = new ServiceRegistrar({
      maxServices,
      store,
      notices,
      known: () => this.#known,
      onAccepted: (services) => this.#found(services),
      signal,
    });
  }

  /** Services whose records are consumed, in the order in which they were named or found. */
  get services(): readonly string[] {
    return [...this.#services];
  }

  /**
   * Reads the services found earlier, without logging them.
   *
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE
   */
  async begin(): Promise<void> {
    for (const service of await this.#read()) {
      this.#known.add(service);
      if (this.#options.services === 'every') this.#services.add(service);
    }
  }

  /** Looks for services found by other consumers until the signal is aborted. Never rejects. */
  async watch(isRunning: () => boolean): Promise<void> {
    const { services, signal } = this.#options;
    if (services !== 'every') return this.#reportUnannounced(services, isRunning);
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, signal);
      if (!isRunning()) continue;
      try {
        this.#found((await this.#read()).map((service) => [service, 0]));
      } catch (error) {
        // Storage is unreachable. The workers report that when they next store something.
        internalLogger.debug(`cannot look for services: ${reasonOf(error)}`);
      }
    }
  }

  /** Reports named services without an announcement, once. */
  async #reportUnannounced(named: readonly string[], isRunning: () => boolean): Promise<void> {
    const { announcedWithinMs = ANNOUNCED_WITHIN_MS, signal, store } = this.#options;
    await sleep(announcedWithinMs, signal);
    for (; !signal.aborted; await sleep(LOOK_EVERY_MS, signal)) {
      if (!isRunning()) continue;
      try {
        const rows = await store.services();
        const found = 'refused' in rows ? undefined : findUnannounced(named, rows);
        if (found) internalLogger[found.isLikelyWrong ? 'warning' : 'info'](found.sentence);
        return;
      } catch (error) {
        internalLogger.debug(`cannot look for services: ${reasonOf(error)}`);
      }
    }
  }

  async #read(): Promise<string[]> {
    const rows = await this.#options.store.services();
    const refused = 'refused' in rows ? rows.refused : undefined;
    // A consumer with named services does not need others.
    if (this.#options.services === 'every') {
      this.#options.notices.report(
        'services not read',
        refused && `services found by other consumers cannot be read: ${refused}`,
      );
    }
    return 'refused' in rows ? [] : rows.filter((service) => this.#isValidName(service));
  }

  /** Other programs may write into the table. */
  #isValidName(service: string): boolean {
    if (SERVICE_NAME.test(service)) return true;
    this.#warnings.once(
      `table services contains ${shown(service)}, which is not a valid service name and is ignored. Delete that row.`,
    );
    return false;
  }

  #found(services: Iterable<readonly [service: string, rank: number]>): void {
    for (const [service, rank] of services) {
      this.#known.add(service);
      if (this.#options.services !== 'every' || this.#services.has(service)) continue;
      this.#services.add(service);
      internalLogger.info(`found service ${service}; consuming its messages`);
      this.#options.onFound(service, rank);
    }
  }
}

/** Named services that no producer has announced: perhaps they are misspelled. */
export interface Unannounced {
  readonly sentence: string;
  /** Whether a similar name was announced, so that this one is probably misspelled. */
  readonly isLikelyWrong: boolean;
}

const MAX_NAMED_SERVICES = 5;

/** @returns undefined if all of them are known. */
export function findUnannounced(named: readonly string[], announced: readonly string[]): Unannounced | undefined {
  const known = new Set(announced);
  const missing = named.filter((name) => !known.has(name));
  if (missing.length === 0) return undefined;
  const hints = missing.map((name) => ({ name, near: nearest(name, announced) }));
  // Names that may be misspelled first.
  hints.sort((a, b) => Number(b.near !== undefined) - Number(a.near !== undefined));
  const listed = hints
    .slice(0, MAX_NAMED_SERVICES)
    .map(({ name, near }) => (near === undefined ? name : `${name} (did you mean ${near}?)`));
  const others = hints.length > MAX_NAMED_SERVICES ? [`${hints.length - MAX_NAMED_SERVICES} others`] : [];
  return {
    sentence: `no producer has announced ${[...listed, ...others].join(', ')}. Clients that do not announce themselves, such as those of the Python package, can be added with "loghive services add".`,
    isLikelyWrong: hints[0]?.near !== undefined,
  };
}
