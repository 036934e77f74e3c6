/**
 * Doors with the same resolved settings share one publisher in a process, counted by references: one connection, one
 * buffer. The table hangs on a registered symbol, so that the import and the require copy of this package meet in it.
 */
import type { PublisherConfig } from '../producer-config.js';
import { createExitHooks, type ExitHooks } from './exit.js';
import { Publisher } from './publisher.js';
import type { CloseResult } from './status.js';

interface Entry {
  readonly publisher: Publisher;
  references: number;
}

interface Table {
  readonly entries: Map<string, Entry>;
  readonly exitHooks: ExitHooks;
}

const KEY = Symbol.for('loghive.publishers.1');

function table(): Table {
  const holder = globalThis as { [KEY]?: Table };
  holder[KEY] ??= { entries: new Map(), exitHooks: createExitHooks() };
  return holder[KEY];
}

export interface SharedPublisher {
  readonly publisher: Publisher;
  /** Flushes; the last one to release also closes. Never rejects. */
  release(): Promise<CloseResult>;
}

export function sharePublisher(config: PublisherConfig): SharedPublisher {
  const { entries, exitHooks } = table();
  const key = JSON.stringify(config);
  const entry = entries.get(key) ?? open();
  entry.references++;
  return { publisher: entry.publisher, release: onceOnly(() => release(key, entry)) };

  function open(): Entry {
    const publisher = new Publisher(config, exitHooks.tellAtExit);
    const opened = { publisher, references: 0 };
    entries.set(key, opened);
    exitHooks.add(publisher);
    return opened;
  }
}

async function release(key: string, entry: Entry): Promise<CloseResult> {
  const { entries, exitHooks } = table();
  entry.references--;
  if (entry.references > 0) {
    await entry.publisher.flushWithin(entry.publisher.config.exitTimeoutMs);
    const { confirmed, pending } = entry.publisher.stats();
    return { confirmed, unsent: pending };
  }
  entries.delete(key);
  const result = await entry.publisher.close();
  exitHooks.remove(entry.publisher);
  return result;
}

function onceOnly<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
