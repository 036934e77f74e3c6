/**
 * Creates and drops indexes on a separate connection: a concurrent build waits for all older transactions, and nothing
 * else must wait with it. A second connection, open only during long builds, finds out which session blocks a build.
 */
import { reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { StatusLog } from '../../src/status-log.js';
import { sleep } from '../../src/time/time-limit.js';
import type { DatabaseSession } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import { type Build, createIndexes } from './indexes.js';
import { blockerOf, cancelStatement } from './lock-holder.js';
import { createPendingLists } from './pending-lists.js';
import { createReconnectingSession } from './reconnecting-session.js';
import { type StoreConfig, sessionSettings } from './store-config.js';

export interface IndexBuilds {
  /**
   * Creates and drops the pending indexes. May take hours on a large table. If several processes call it, one of them
   * does the work. Opens no connection if nothing is pending.
   *
   * @param signal stops after the current step.
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE; work that only has to wait is deferred to the next call.
   */
  ensure(signal: AbortSignal): Promise<void>;
  /** Closes the connection. PostgreSQL may continue a running build. Never rejects. */
  close(): Promise<void>;
}

const CHECK_MS = 10_000;
/**
 * Consecutive checks that may find a build waiting before it is canceled, if it blocks creating and dropping
 * partitions.
 */
const MAX_BLOCKED_CHECKS = 3;

/**
 * Connects on first use.
 *
 * @param now epoch milliseconds. Default: the wall clock.
 * @param checkMs interval of checking what blocks a build, in milliseconds. Default 10000.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if the URL is invalid.
 */
export function openIndexBuilds(
  config: StoreConfig,
  now: () => number = Date.now,
  checkMs: number = CHECK_MS,
): IndexBuilds {
  const { schema, notice, indexes: settings = { information: undefined, fields: [] } } = config;
  const target = parseDatabaseUrl(config.databaseUrl);
  const connection = createReconnectingSession(target, sessionSettings(config));
  const watching = createReconnectingSession(target, sessionSettings(config));
  const warnings = new StatusLog((sentence) => notice(sentence, 'warning'));
  const indexes = createIndexes({ schema, settings, notice, now, watched });

  /** Checks periodically what blocks the build, until it ends. */
  async function watched<T>(build: Build, work: () => Promise<T>): Promise<T> {
    const end = new AbortController();
    const watch = watchUntil(build, end.signal);
    try {
      return await work();
    } finally {
      end.abort();
      await watch;
    }
  }

  async function watchUntil(build: Build, signal: AbortSignal): Promise<void> {
    let waits = 0;
    for (await sleep(checkMs, signal); !signal.aborted; await sleep(checkMs, signal)) {
      const check = async (session: DatabaseSession) => {
        const blocker = await blockerOf(session, build.statement);
        waits = blocker === undefined ? 0 : waits + 1;
        if (blocker === undefined || signal.aborted) return;
        const sentence = `the build of index ${build.index} of schema ${schema} is waiting: ${blocker}. Records are still being stored.`;
        warnings.once(sentence, build.index);
        if (build.blocksPartitions && waits >= MAX_BLOCKED_CHECKS) await cancelStatement(session, build.statement);
      };
      // Monitoring only: its errors do not affect the build.
      await watching
        .run(check)
        .catch((error) => internalLogger.debug(`cannot check what index ${build.index} waits for: ${reasonOf(error)}`));
    }
  }

  return {
    async ensure(signal) {
      if (!indexes.isDue()) return;
      try {
        await connection.run((session) => indexes.ensure(session, signal));
      } finally {
        await Promise.all([connection.release(), watching.release()]);
      }
    },
    async close() {
      await Promise.all([connection.close({ timeoutMs: 0 }), watching.close({ timeoutMs: 0 })]);
    },
  };
}

// Cleans GIN pending lists while records are stored, on a separate connection, so that neither batches nor retention
// wait.

export interface PendingListCleaner {
  /**
   * Moves the entries of the pending lists into the indexes. The connection stays open until `release`.
   *
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE.
   */
  cleanPendingLists(): Promise<void>;
  /** Closes the connection. It is reopened on demand. */
  release(): Promise<void>;
  /** Aborts a call in flight. Never rejects. */
  close(): Promise<void>;
}

/** Connects on first use. @throws LoghiveError LOGHIVE_INVALID_OPTION if the URL is invalid. */
export function openPendingListCleaner(config: StoreConfig): PendingListCleaner {
  const connection = createReconnectingSession(parseDatabaseUrl(config.databaseUrl), sessionSettings(config));
  const lists = createPendingLists(config.schema);
  return {
    cleanPendingLists: () => connection.run((session) => lists.clean(session)),
    release: () => connection.release(),
    // The caller has already waited for calls in flight.
    close: () => connection.close({ timeoutMs: 0 }),
  };
}
