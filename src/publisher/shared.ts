/**
 * Integrations with the same resolved settings share one publisher in a process: one connection, one buffer, counted by
 * references. The table is on a registered symbol, so that the import and the require copy of this package share it.
 */
import type { PublisherConfig } from '../producer-config.js';
import { settingsKey } from '../settings/settings-key.js';
import { Account } from './account.js';
import { exitHooks } from './exit.js';
import { timeLimit } from './flushes.js';
import { Publisher } from './publisher.js';
import type { CloseResult } from './status.js';

interface Entry {
  readonly publisher: Publisher;
  references: number;
}

const KEY = Symbol.for('loghive.publishers.3');

function table(): Map<string, Entry> {
  const holder = globalThis as { [KEY]?: Map<string, Entry> };
  holder[KEY] ??= new Map();
  return holder[KEY];
}

/** The open publishers of this process. */
export function sharedPublishers(): Publisher[] {
  return [...table().values()].map(({ publisher }) => publisher);
}

export interface SharedPublisher {
  readonly publisher: Publisher;
  /** Passed with each record, so that `release()` knows whose it is. */
  readonly account: Account;
  /**
   * Flushes the records of the account. The last integration to release closes the publisher. Never rejects. Later
   * calls return the result of the first one.
   *
   * @param timeoutMs how long it may take, in milliseconds. Default: `exitTimeoutMs`.
   */
  release(timeoutMs?: number): Promise<CloseResult>;
}

export function sharePublisher(config: PublisherConfig): SharedPublisher {
  const entries = table();
  const key = settingsKey(config);
  const entry = entries.get(key) ?? open();
  entry.references++;
  const account = new Account();
  let released: Promise<CloseResult> | undefined;
  return {
    publisher: entry.publisher,
    account,
    release(timeoutMs = config.exitTimeoutMs) {
      released ??= release(key, entry, account, timeLimit(timeoutMs));
      return released;
    },
  };

  function open(): Entry {
    const publisher = new Publisher(config, { onLate: exitHooks().reportAtExit });
    const opened = { publisher, references: 0 };
    entries.set(key, opened);
    exitHooks().add(publisher);
    return opened;
  }
}

async function release(key: string, entry: Entry, account: Account, timeoutMs: number): Promise<CloseResult> {
  const { publisher } = entry;
  entry.references--;
  if (entry.references > 0) {
    await publisher.flushWithin(timeoutMs, account);
    return { confirmed: account.confirmed, spooled: 0, unsent: account.pending + account.unsent };
  }
  table().delete(key);
  await publisher.close(timeoutMs);
  exitHooks().remove(publisher);
  // Everything else was confirmed or dropped.
  return { confirmed: account.confirmed, spooled: account.pending, unsent: account.unsent };
}
