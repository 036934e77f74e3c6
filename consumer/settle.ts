/**
 * What becomes of a batch: stored, retried later, or a dead letter. A message is finished, and may be acknowledged, when
 * that is safe for each of its records.
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
  const written = items.length > 0 ? await store.write(items) : { stored: 0, duplicates: 0, rejected: [] };
  const letters = batch.flatMap((delivery) => delivery.letters);
  const retries = new Map<Delivery, Rejected[]>();

  const owners = written.rejected.length > 0 ? ownersOf(batch) : undefined;
  for (const rejected of written.rejected) {
    const delivery = owners!.get(rejected.item)!;
    if (rejected.verdict === 'retry' && delivery.attempt < retryDelaysMs.length) {
      retries.set(delivery, [...(retries.get(delivery) ?? []), rejected]);
    } else {
      letters.push(letterOf(rejected, delivery));
    }
  }
  if (letters.length > 0) await store.writeDeadLetters(letters);

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
    buried: letters.length,
  };
}

function recordsOf(items: readonly StoreItem[], rejected: readonly Rejected[]): StoredRecord[] {
  const out = new Set(rejected.map(({ item }) => item));
  return items.filter((item) => !out.has(item)).map(({ record }) => record);
}

function ownersOf(batch: readonly ParsedDelivery[]) {
  return new Map(batch.flatMap((delivery) => delivery.items.map((item) => [item, delivery] as const)));
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
