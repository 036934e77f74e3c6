/**
 * Resolves each record of a batch in one transaction: stored, to be retried, or a dead letter. A message may be
 * acknowledged when that is safe for each of its records.
 *
 * If the process dies before the acknowledgement, the broker redelivers the message. Records already stored are dropped
 * by their key, a dead letter is counted as seen again, and a retry that was published twice is stored once.
 */
import type { Level } from '../src/level.js';
import type { StoredRecord } from '../src/record.js';
import { deadLetterOf } from './dead-letter.js';
import type { Delivery } from './delivery.js';
import type { StoredBatch } from './metrics/lane-counts.js';
import type { ParsedDelivery } from './parse-delivery.js';
import type { MessageLimit, Republisher } from './republish.js';
import { retryCopy } from './republish.js';
import type { PendingCopy } from './retry-publisher.js';
import type { DeadLetter, Rejected, Store, StoreItem } from './store/index.js';

interface RecordCopy extends PendingCopy {
  readonly record: StoredRecord;
}

export interface ResolvedBatch {
  /** Messages that can be acknowledged now. */
  readonly finished: Delivery[];
  /** Messages with records for a delay queue. */
  readonly retrying: Array<{ readonly delivery: ParsedDelivery; readonly copies: readonly RecordCopy[] }>;
  /** The records of the batch, and those that the table refused. */
  readonly batch: StoredBatch;
  /** Records that are in the table now: stored by this batch, or already there. */
  readonly inTable: () => StoredRecord[];
  readonly stored: number;
  readonly duplicates: number;
  /** Records older than the retention period. They are not stored, and their messages can be acknowledged. */
  readonly expired: readonly StoredRecord[];
  readonly deadLetters: DeadLetter[];
  /** Queues with records that cannot be parsed or that PostgreSQL refused. */
  readonly queuesWithBadRecords: ReadonlySet<string>;
}

export type IsExpired = (record: { readonly level: Level; readonly timestamp: string }) => boolean;

export interface ResolveBatchOptions {
  readonly store: Store;
  readonly republisher: Republisher;
  /** Delay before each retry, in milliseconds. */
  readonly retryDelaysMs: readonly number[];
  readonly isExpired: IsExpired;
  /** Fails if there are bad records, instead of isolating them: the caller splits the batch. */
  readonly isWholeOrNothing: boolean;
}

/** @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE, BatchRefused: nothing of the batch may be acknowledged. */
export async function resolveBatch(
  batch: readonly ParsedDelivery[],
  options: ResolveBatchOptions,
): Promise<ResolvedBatch> {
  const { store, republisher, retryDelaysMs, isExpired, isWholeOrNothing } = options;
  const all = batch.flatMap((delivery) => delivery.items);
  const expired = all.filter(({ record }) => isExpired(record)).map(({ record }) => record);
  const items = expired.length === 0 ? all : all.filter(({ record }) => !isExpired(record));
  const letters = batch.flatMap((delivery) => delivery.letters);
  const owners = ownersOf(batch);
  // Read once: a limit learned meanwhile must not change these decisions.
  const { limit } = republisher;
  /** The size limit that prevents a retry of the record. */
  const obstacleOf = ({ item }: Rejected) =>
    limit && retryCopy(owners.of(item), item.raw).body.length > limit.bytes ? limit : undefined;
  const hasAttempts = ({ item, action }: Rejected) =>
    action === 'retry' && owners.of(item).attempt < retryDelaysMs.length;
  const isRetried = (rejected: Rejected) => hasAttempts(rejected) && !obstacleOf(rejected);
  const letterFor = (rejected: Rejected) => {
    const obstacle = hasAttempts(rejected) ? obstacleOf(rejected) : undefined;
    return letterOf(rejected, owners.of(rejected.item), obstacle);
  };
  const written = await store.write({
    items,
    letters,
    letterOf: (rejected) => (isRetried(rejected) ? undefined : letterFor(rejected)),
    retried: batch.every(({ attempt }) => attempt > 0),
    isWholeOrNothing,
  });
  const retried = written.rejected.filter(isRetried);
  const retries = new Map<ParsedDelivery, Rejected[]>();
  for (const rejected of retried) {
    const delivery = owners.of(rejected.item);
    retries.set(delivery, [...(retries.get(delivery) ?? []), rejected]);
  }

  const retrying = [...retries].map(([delivery, rejected]) => {
    const delayMs = retryDelaysMs[delivery.attempt]!;
    const copies = rejected.map((each) => ({
      record: each.item.record,
      publish: () => republisher.retry(retryCopy(delivery, each.item.raw), delayMs),
      letter: (obstacle: MessageLimit) => letterOf(each, delivery, obstacle),
    }));
    return { delivery, copies };
  });
  const deadLetters = [...letters, ...written.rejected.filter((rejected) => !isRetried(rejected)).map(letterFor)];
  const { rejected, duplicateRecords = [] } = written;
  return {
    finished: batch.filter((delivery) => !retries.has(delivery)),
    retrying,
    batch: { items, rejected, duplicates: duplicateRecords, deadLetters },
    inTable: () => recordsOf(items, rejected),
    stored: written.stored,
    duplicates: written.duplicates,
    expired,
    deadLetters,
    queuesWithBadRecords: new Set(
      [...batch.filter((delivery) => delivery.letters.length > 0), ...rejected.map(({ item }) => owners.of(item))].map(
        ({ queue }) => queue,
      ),
    ),
  };
}

function recordsOf(items: readonly StoreItem[], rejected: readonly Rejected[]): StoredRecord[] {
  const out = new Set(rejected.map(({ item }) => item));
  return items.filter((item) => !out.has(item)).map(({ record }) => record);
}

/** Finds the message of a record. Built only if records are rejected. */
function ownersOf(batch: readonly ParsedDelivery[]) {
  let owners: ReadonlyMap<StoreItem, ParsedDelivery> | undefined;
  return {
    of(item: StoreItem): ParsedDelivery {
      owners ??= new Map(batch.flatMap((delivery) => delivery.items.map((each) => [each, delivery] as const)));
      return owners.get(item)!;
    },
  };
}

/** @param obstacle the limit that prevents a retry which might help. */
function letterOf(rejected: Rejected, delivery: ParsedDelivery, obstacle?: MessageLimit): DeadLetter {
  const { service, level, id: recordId } = rejected.item.record;
  return deadLetterOf(delivery, delivery.isWhole ? undefined : { raw: rejected.item.raw, isFrame: false }, {
    ...(obstacle
      ? { code: TOO_LARGE, reason: `its retry cannot be published: ${obstacle.words}. ${refusalOf(rejected)}` }
      : { code: rejected.code, reason: rejected.message }),
    attempts: delivery.attempt + 1,
    service,
    level,
    recordId,
  });
}

/** Code of a dead letter whose retry exceeds the broker's size limit. */
const TOO_LARGE = 'too_large';

function refusalOf({ code, message }: Rejected): string {
  return `PostgreSQL refused the record: ${message} (SQLSTATE ${code})`;
}
