/** The scheduled maintenance of partitions: on a connection of its own, so that no batch waits for it. */
import { StatusLog } from '../../src/status-log.js';
import { parseDatabaseUrl } from './database-url.js';
import type { Retention } from './expiry.js';
import { keepSession } from './kept-session.js';
import { createPartitions } from './partitions.js';
import { createRetention, type Removed } from './retention.js';
import { type StoreConfig, sessionSettings } from './store-config.js';

export interface Maintained extends Removed {
  /** Partitions that were made. */
  readonly made: number;
}

export interface StoreMaintenance {
  /**
   * Makes the partitions of today and the next week, where they are missing, and deletes what is older than it is to be
   * kept. Several processes may ask for it at once: one of them does it. The connection is open for as long as it takes.
   *
   * @param signal ends it after the step under way.
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE; what only has to wait is left for the next time.
   */
  run(signal: AbortSignal): Promise<Maintained>;
  /** Waits for the call under way, three seconds at most. Never rejects. */
  close(): Promise<void>;
}

/** Of the days that batches bring there are none here. */
const NO_DATES: ReadonlySet<string> = new Set();

/**
 * Nothing is opened yet.
 *
 * @param now epoch milliseconds. Default the wall clock.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION when the URL is wrong.
 */
export function openMaintenance(
  config: StoreConfig,
  retention: Retention,
  now: () => number = Date.now,
): StoreMaintenance {
  const { schema } = config;
  const warnings = new StatusLog((sentence) => config.notice(sentence, 'warning'));
  // What cannot be made is told where records are stored.
  const partitions = createPartitions({ schema, now, warnings: new StatusLog() });
  const old = createRetention({ schema, retention, now, warnings });
  const kept = keepSession(parseDatabaseUrl(config.databaseUrl), sessionSettings(config), () => partitions.forget());
  const keepsAll = retention.days === undefined && Object.keys(retention.levels).length === 0;
  return {
    async run(signal) {
      try {
        const made = await kept.run((session) => partitions.ensure(session, NO_DATES));
        const removed = keepsAll
          ? { partitions: [], records: 0, isBehind: false }
          : await kept.run((session) => old.run(session, signal));
        return { made, ...removed };
      } finally {
        await kept.release();
      }
    },
    close: () => kept.close(),
  };
}
