/** Scheduled maintenance of partitions, on a separate connection, so that no batch waits for it. */
import { StatusLog } from '../../src/status-log.js';
import { parseDatabaseUrl } from './database-url.js';
import type { Retention } from './partition-days.js';
import { createPartitions } from './partitions.js';
import { createReconnectingSession } from './reconnecting-session.js';
import { createRetention, type Removed } from './retention.js';
import { type StoreConfig, sessionSettings } from './store-config.js';

export interface Maintained extends Removed {
  /** Number of created partitions. */
  readonly made: number;
}

export interface StoreMaintenance {
  /**
   * Creates the missing partitions of today and the next week, and deletes expired records. If several processes call
   * it, one of them does the work. The connection is closed afterwards.
   *
   * @param signal stops after the current step.
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE; work that only has to wait is deferred to the next call.
   */
  run(signal: AbortSignal): Promise<Maintained>;
  /** Waits up to three seconds for a call in flight. Never rejects. */
  close(): Promise<void>;
}

/** Only the days ahead; the days of batches are created when they are stored. */
const NO_DATES: ReadonlySet<string> = new Set();

/**
 * Connects on first use.
 *
 * @param now epoch milliseconds. Default: the wall clock.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if the URL is invalid.
 */
export function openMaintenance(
  config: StoreConfig,
  retention: Retention,
  now: () => number = Date.now,
): StoreMaintenance {
  const { schema } = config;
  const warnings = new StatusLog((sentence) => config.notice(sentence, 'warning'));
  // No warnings here: the store reports partitions that cannot be created.
  const partitions = createPartitions({ schema, now, warnings: new StatusLog() });
  const expired = createRetention({ schema, retention, now, warnings });
  const connection = createReconnectingSession(parseDatabaseUrl(config.databaseUrl), sessionSettings(config), () =>
    partitions.forget(),
  );
  const keepsAll = retention.days === undefined && Object.keys(retention.levels).length === 0;
  return {
    async run(signal) {
      try {
        const made = await connection.run((session) => partitions.ensure(session, NO_DATES));
        const removed = keepsAll
          ? { partitions: [], records: 0, isBehind: false }
          : await connection.run((session) => expired.run(session, signal));
        return { made, ...removed };
      } finally {
        await connection.release();
      }
    },
    close: () => connection.close(),
  };
}
