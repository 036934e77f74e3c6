/**
 * What becomes of a batch: stored, retried later, or a dead letter, in one transaction. A message is finished, and may be
 * acknowledged, when that is safe for each of its records.
 *
 * If the process dies at any point before the acknowledgement, the message comes again: what is stored already is dropped
 * by its key, a dead letter is counted as seen once more, a retry that was published twice is stored once.
 */
import type { StoredRecord } from '../src/record.js';
import type { Delivery } from './delivery.js';
import type { ParsedDelivery } from './parse-delivery.js';
import type { Republisher } from './republish.js';
import type { DeadLetter, Rejected, Store, StoreItem } from './store/index.js';

export interface Settled {
  /** Messages that can be acknowledged now. */
  readonly finished: Delivery[];
  /** Messages with records for a delay queue; `publish` is called again until it says that all of them are there. */
  readonly retrying: Array<{
    readonly delivery: Delivery;
    readonly records: number;
    readonly publish: () => Promise<boolean>;
  }>;
  /** What is in the table now: stored by this batch, or there already. */
  readonly inTable: () => StoredRecord[];
  readonly stored: number;
  readonly duplicates: number;
  readonly buried: number;
}

/** @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE: nothing of the batch may be acknowledged. */
export async function settle(
  batch: readonly ParsedDelivery[],
  store: Store,
  republisher: Republisher,
  retryDelaysMs: readonly number[],
): Promise<Settled> {
  const items = batch.flatMap((delivery) => delivery.items);
  const letters = batch.flatMap((delivery) => delivery.letters);
  const owners = ownersOf(batch);
  const isRetried = ({ item, verdict }: Rejected) =>
    verdict === 'retry' && owners.of(item).attempt < retryDelaysMs.length;
  const written = await store.write({
    items,
    letters,
    letterOf: (rejected) => (isRetried(rejected) ? undefined : letterOf(rejected, owners.of(rejected.item))),
    retried: batch.every(({ attempt }) => attempt > 0),
  });
  const retried = written.rejected.filter(isRetried);
  const retries = new Map<Delivery, Rejected[]>();
  for (const rejected of retried) {
    const delivery = owners.of(rejected.item);
    retries.set(delivery, [...(retries.get(delivery) ?? []), rejected]);
  }

  const retrying = [...retries].map(([delivery, rejected]) => {
    const delayMs = retryDelaysMs[delivery.attempt]!;
    const raws = rejected.map(({ item }) => item.raw);
    return {
      delivery,
      records: raws.length,
      publish: untilAllAreThere(raws, (raw) => republisher.retry(delivery, raw, delayMs)),
    };
  });
  return {
    finished: batch.filter((delivery) => !retries.has(delivery)),
    retrying,
    inTable: () => recordsOf(items, written.rejected),
    stored: written.stored,
    duplicates: written.duplicates,
    buried: letters.length + written.rejected.length - retried.length,
  };
}

function recordsOf(items: readonly StoreItem[], rejected: readonly Rejected[]): StoredRecord[] {
  const out = new Set(rejected.map(({ item }) => item));
  return items.filter((item) => !out.has(item)).map(({ record }) => record);
}

/** Which message a record came with; looked up only where records are rejected. */
function ownersOf(batch: readonly ParsedDelivery[]) {
  let owners: ReadonlyMap<StoreItem, Delivery> | undefined;
  return {
    of(item: StoreItem): Delivery {
      owners ??= new Map(batch.flatMap((delivery) => delivery.items.map((each) => [each, delivery] as const)));
      return owners.get(item)!;
    },
  };
}

function letterOf(rejected: Rejected, delivery: Delivery): DeadLetter {
  const { record, raw } = rejected.item;
  const { fields, properties } = delivery.message;
  return {
    raw,
    code: rejected.code,
    reason: rejected.message,
    attempts: delivery.attempt + 1,
    queue: delivery.origin,
    routingKey: fields.routingKey,
    headers: properties.headers ?? {},
    service: record.service,
    level: record.level,
    recordId: record.id,
  };
}

/** Publishes what is not there yet; each call takes up where the last one ended. */
function untilAllAreThere(raws: Buffer[], publish: (raw: Buffer) => Promise<boolean>): () => Promise<boolean> {
  let missing = raws;
  return async () => {
    const there = await Promise.all(missing.map(publish));
    missing = missing.filter((_, index) => !there[index]);
    return missing.length === 0;
  };
}
