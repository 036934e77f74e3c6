/**
 * Doors with the same resolved settings share one publisher in a process, counted by references: one connection, one
 * buffer. The table hangs on a registered symbol, so that the import and the require copy of this package meet in it.
 */
import type { PublisherConfig } from '../producer-config.js';
import { exitHooks } from './exit.js';
import { Account } from './frames.js';
import { Publisher } from './publisher.js';
import type { CloseResult } from './status.js';

interface Entry {
  readonly publisher: Publisher;
  references: number;
}

const KEY = Symbol.for('loghive.publishers.2');

function table(): Map<string, Entry> {
  const holder = globalThis as { [KEY]?: Map<string, Entry> };
  holder[KEY] ??= new Map();
  return holder[KEY];
}

/** Those of this process that are open. */
export function sharedPublishers(): Publisher[] {
  return [...table().values()].map(({ publisher }) => publisher);
}

export interface SharedPublisher {
  readonly publisher: Publisher;
  /** To be named with each record. */
  readonly account: Account;
  /** Flushes what stands in the account; the last one to release closes, with all that is left. Never rejects. */
  release(): Promise<CloseResult>;
}

export function sharePublisher(config: PublisherConfig): SharedPublisher {
  const entries = table();
  const key = JSON.stringify(config);
  const entry = entries.get(key) ?? open();
  entry.references++;
  const account = new Account();
  return { publisher: entry.publisher, account, release: onceOnly(() => release(key, entry, account)) };

  function open(): Entry {
    const publisher = new Publisher(config, { onLate: exitHooks().tellAtExit });
    const opened = { publisher, references: 0 };
    entries.set(key, opened);
    exitHooks().add(publisher);
    return opened;
  }
}

async function release(key: string, entry: Entry, account: Account): Promise<CloseResult> {
  const { publisher } = entry;
  entry.references--;
  if (entry.references > 0) {
    await publisher.flushWithin(publisher.config.exitTimeoutMs, account);
  } else {
    table().delete(key);
    await publisher.close();
    exitHooks().remove(publisher);
  }
  return { confirmed: account.confirmed, unsent: account.pending + account.unsent };
}

function onceOnly<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
