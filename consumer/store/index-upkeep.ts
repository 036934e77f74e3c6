/** What is done for the indexes while records come in, on a connection of its own, so that neither batches nor retention wait. */
import { parseDatabaseUrl } from './database-url.js';
import { keepSession } from './kept-session.js';
import { createPendingLists } from './pending-lists.js';
import { type StoreConfig, sessionSettings } from './store-config.js';

export interface IndexUpkeep {
  /**
   * Sorts into the indexes what they have put off. The connection stays open until `release`.
   *
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE.
   */
  emptyLists(): Promise<void>;
  /** Ends the connection, which is opened again when it is needed. */
  release(): Promise<void>;
  /** Ends the call under way. Never rejects. */
  close(): Promise<void>;
}

/**
 * Nothing is opened yet.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION when the URL is wrong.
 */
export function openIndexUpkeep(config: StoreConfig): IndexUpkeep {
  const kept = keepSession(parseDatabaseUrl(config.databaseUrl), sessionSettings(config));
  const lists = createPendingLists(config.schema);
  return {
    emptyLists: () => kept.run((session) => lists.empty(session)),
    release: () => kept.release(),
    // Whoever empties them has waited for what is under way.
    close: () => kept.close({ patienceMs: 0 }),
  };
}
