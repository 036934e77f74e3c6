/** Collects records into batches and stores them, while the next batch is being read. */
import type { Store, StoreItem } from '../../consumer/store/index.js';
import type { Patience } from '../patience.js';
import type { Tally } from './tally.js';

/** A row of a file. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface Batches {
  /** Resolves when there is room for more. @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE and others */
  add(item: StoreItem, place: Place): Promise<void>;
  /** Resolves when everything is stored. */
  flush(): Promise<void>;
}

export interface BatchesOptions {
  /** Undefined: only count the records. */
  readonly store: Store | undefined;
  readonly patience: Patience;
  readonly tally: Tally;
  /** PostgreSQL refuses the record. */
  readonly onRefused: (place: Place, reason: string) => void;
}

/** The same limits as those of a consumer. */
const MAX_RECORDS = 5000;
const MAX_BYTES = 8 * 1024 * 1024;

export function createBatches({ store, patience, tally, onRefused }: BatchesOptions): Batches {
  let items: StoreItem[] = [];
  let places: Place[] = [];
  let bytes = 0;
  let writing: Promise<void> = Promise.resolve();

  async function write(batch: readonly StoreItem[], batchPlaces: readonly Place[]): Promise<void> {
    if (store === undefined) {
      tally.stored += batch.length;
      return;
    }
    // A record that PostgreSQL refuses is reported. It is no dead letter, because its file is still there.
    const { stored, duplicates, rejected } = await patience.run(() =>
      store.write({ items: batch, letters: [], letterOf: () => undefined, retried: false }),
    );
    tally.stored += stored;
    tally.alreadyThere += duplicates;
    const placeOf = new Map(rejected.length === 0 ? [] : batch.map((item, at) => [item, batchPlaces[at]!]));
    for (const { item, code, message } of rejected) {
      onRefused(placeOf.get(item)!, `PostgreSQL refuses it: ${message} (SQLSTATE ${code})`);
    }
  }

  async function startWriting(): Promise<void> {
    await writing;
    if (items.length === 0) return;
    writing = write(items, places);
    // It is awaited before the next batch.
    writing.catch(() => {});
    items = [];
    places = [];
    bytes = 0;
  }

  return {
    async add(item, place) {
      items.push(item);
      places.push(place);
      bytes += item.raw.length;
      if (items.length >= MAX_RECORDS || bytes >= MAX_BYTES) await startWriting();
    },
    async flush() {
      await startWriting();
      await writing;
    },
  };
}
