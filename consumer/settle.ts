/**
 * What becomes of a batch: stored, retried later, or a dead letter, in one transaction. A message is finished, and may be
 * acknowledged, when that is safe for each of its records.
 *
 * If the process dies at any point before the acknowledgement, the message comes again: what is stored already is dropped
 * by its key, a dead letter is counted as seen once more, a retry that was published twice is stored once.
 */
import type { Level } from '../src/level.js';
import type { StoredRecord } from '../src/record.js';
import { deadLetterOf } from './dead-letter.js';
import type { Delivery } from './delivery.js';
import type { StoredBatch } from './metrics/lane-counts.js';
import type { ParsedDelivery } from './parse-delivery.js';
import type { Copy } from './pending-republishes.js';
import type { MessageLimit, Republisher } from './republish.js';
import { retryCopy } from './retry-copy.js';
import type { DeadLetter, Rejected, Store, StoreItem } from './store/index.js';

interface RecordCopy extends Copy {
  readonly record: StoredRecord;
}

export interface Settled {
  /** Messages that can be acknowledged now. */
  readonly finished: Delivery[];
  /** Messages with records for a delay queue. */
  readonly retrying: Array<{ readonly delivery: ParsedDelivery; readonly copies: readonly RecordCopy[] }>;
  /** What the batch was, and what the table did not take of it. */
  readonly batch: StoredBatch;
  /** What is in the table now: stored by this batch, or there already. */
  readonly inTable: () => StoredRecord[];
  readonly stored: number;
  readonly duplicates: number;
  /** Records that are older than they are to be kept: they are not stored, and their messages are finished. */
  readonly expired: readonly StoredRecord[];
  readonly deadLetters: DeadLetter[];
  /** The queues of records that cannot be read, or that PostgreSQL refused. */
  readonly queuesWithBadRecords: ReadonlySet<string>;
}

export type IsExpired = (record: { readonly level: Level; readonly timestamp: string }) => boolean;

export interface SettleOptions {
  readonly store: Store;
  readonly republisher: Republisher;
  /** One attempt each. */
  readonly retryDelaysMs: readonly number[];
  readonly isExpired: IsExpired;
  /** Bad records are not searched for: the caller makes smaller batches of a batch that has some. */
  readonly isWholeOrNothing: boolean;
}

/** @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE, BatchRefused: nothing of the batch may be acknowledged. */
export async function settle(batch: readonly ParsedDelivery[], options: SettleOptions): Promise<Settled> {
  const { store, republisher, retryDelaysMs, isExpired, isWholeOrNothing } = options;
  const all = batch.flatMap((delivery) => delivery.items);
  const expired = all.filter(({ record }) => isExpired(record)).map(({ record }) => record);
  const items = expired.length === 0 ? all : all.filter(({ record }) => !isExpired(record));
  const letters = batch.flatMap((delivery) => delivery.letters);
  const owners = ownersOf(batch);
  // Looked at once: a limit that is learnt meanwhile must not change what was decided.
  const { limit } = republisher;
  /** The limit that a record would be tried again but for. */
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

/** Which message a record came with; looked up only where records are rejected. */
function ownersOf(batch: readonly ParsedDelivery[]) {
  let owners: ReadonlyMap<StoreItem, ParsedDelivery> | undefined;
  return {
    of(item: StoreItem): ParsedDelivery {
      owners ??= new Map(batch.flatMap((delivery) => delivery.items.map((each) => [each, delivery] as const)));
      return owners.get(item)!;
    },
  };
}

/** @param obstacle why it cannot be tried again later, although that might help. */
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

/** What a dead letter has for a code where the broker does not take the copy of a record. */
const TOO_LARGE = 'too_large';

function refusalOf({ code, message }: Rejected): string {
  return `PostgreSQL refused the record: ${message} (SQLSTATE ${code})`;
}
