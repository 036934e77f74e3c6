/**
 * Makes and drops indexes over a connection of its own: a build waits for every transaction that was there before it, and
 * nothing else must wait with it. Who holds it up is told, over a second connection that is open only while a build takes
 * long.
 */
import { StatusLog } from '../../src/status-log.js';
import { sleep } from '../../src/time/time-limit.js';
import type { DatabaseSession } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import { type Build, createIndexes } from './indexes.js';
import { keepSession } from './kept-session.js';
import { blockerOf, cancelStatement } from './lock-holder.js';
import { type StoreConfig, sessionSettings } from './store-config.js';

export interface IndexBuilds {
  /**
   * Makes and drops what is still to be made and dropped. It takes as long as it takes: hours for a large table. Several
   * processes may ask for it at once: one of them does it. Where nothing is to be done, no connection is opened.
   *
   * @param signal ends it after the step under way.
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE; what only has to wait is left for the next time.
   */
  ensure(signal: AbortSignal): Promise<void>;
  /** Ends the connection; PostgreSQL may go on with the build under way. Never rejects. */
  close(): Promise<void>;
}

const LOOK_MS = 10_000;
/** How often a build that keeps partitions from being made and dropped may be found waiting, in a row. */
const MOST_LOOKS = 3;

/**
 * Nothing is opened yet.
 *
 * @param now epoch milliseconds. Default the wall clock.
 * @param lookMs how often it is looked at what a build waits for. Default 10000.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION when the URL is wrong.
 */
export function openIndexBuilds(
  config: StoreConfig,
  now: () => number = Date.now,
  lookMs: number = LOOK_MS,
): IndexBuilds {
  const { schema, notice, indexes: settings = { information: undefined, fields: [] } } = config;
  const target = parseDatabaseUrl(config.databaseUrl);
  const kept = keepSession(target, sessionSettings(config));
  const watching = keepSession(target, sessionSettings(config));
  const warnings = new StatusLog((sentence) => notice(sentence, 'warning'));
  const indexes = createIndexes({ schema, settings, notice, now, watched });

  /** Looks now and then at what holds the build up, until it has ended. */
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
    for (await sleep(lookMs, signal); !signal.aborted; await sleep(lookMs, signal)) {
      const look = async (session: DatabaseSession) => {
        const blocker = await blockerOf(session, build.statement);
        waits = blocker === undefined ? 0 : waits + 1;
        if (blocker === undefined || signal.aborted) return;
        const sentence = `index ${build.index} of schema ${schema} is being made and waits: ${blocker}. Records are stored meanwhile.`;
        warnings.once(sentence, build.index);
        if (build.isInTheWay && waits >= MOST_LOOKS) await cancelStatement(session, build.statement);
      };
      // It only looks: whatever it fails with, the build fails with as well, or goes on.
      await watching.run(look).catch(() => undefined);
    }
  }

  return {
    async ensure(signal) {
      if (!indexes.isDue()) return;
      try {
        await kept.run((session) => indexes.ensure(session, signal));
      } finally {
        await Promise.all([kept.release(), watching.release()]);
      }
    },
    async close() {
      await Promise.all([kept.close({ patienceMs: 0 }), watching.close({ patienceMs: 0 })]);
    },
  };
}
