/**
 * Processes a message: republishes it if it was redelivered often; otherwise parses it, stores it in a batch and
 * acknowledges it after COMMIT.
 *
 *   receive ──redelivered often──▶ republished to its own queue ──confirmed──▶ acknowledged
 *      │                              │ not confirmed: handled alone
 *      └──────────▶ parsed ──────────▶ batch ──COMMIT──▶ acknowledged
 *                                      │ ▲ └──a record to retry──▶ delay queue ──confirmed──▶ acknowledged
 *                                      │ │                              │ too large for the broker: a dead letter
 *                          cannot be stored: held, and stored before all others when storage works again
 *
 * If the process dies at any of these steps, the message is unacknowledged and the broker redelivers it. Records that
 * are already stored are dropped by their key.
 */
import type { ConsumeMessage } from 'amqplib';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { StoredRecord } from '../src/record.js';
import { LocalOffsets } from '../src/time/local-offset.js';
import { within } from '../src/time/time-limit.js';
import { SERVICES_QUEUE } from '../src/wire.js';
import { BatchScheduler } from './batch-scheduler.js';
import type { ConsumerConfig } from './config.js';
import { type Delivery, deliveryOf, isDeadly, returnsOf } from './delivery.js';
import type { IntakeChannel } from './intake/intake-channel.js';
import { MAX_RETURNS } from './intake/queue-hazards.js';
import { LaneCounts } from './metrics/lane-counts.js';
import { BATCH_BOUNDS, COMMIT_BOUNDS, noPipelineCounts, observe, type PipelineCounts } from './metrics/snapshot.js';
import { type ParsedDelivery, parseDelivery, unparsed } from './parse-delivery.js';
import { recordId } from './parse-record.js';
import type { Republisher } from './republish.js';
import { type ResolvedBatch, resolveBatch } from './resolve-batch.js';
import type { RetryPublisher } from './retry-publisher.js';
import { BatchRefused, type DeadLetter, expiredAt, type Store } from './store/index.js';

/**
 * How long a message that was redelivered often waits for the publish connection, and then for the confirm of its copy,
 * in milliseconds.
 */
const COPY_TIMEOUT_MS = 5000;

/** Why such a message becomes a dead letter. */
const DEADLY = 'it was redelivered too often: the consumers that received it ended before it was stored';

type PipelineConfig = Pick<
  ConsumerConfig,
  'batchSize' | 'batchBytes' | 'batchLingerMs' | 'retryDelaysMs' | 'retention' | 'pythonTimezone' | 'maxServices'
>;

export interface PipelineOptions {
  readonly config: PipelineConfig;
  readonly store: Store;
  readonly republisher: Republisher;
  readonly retryPublisher: RetryPublisher;
  /** The channel that messages are being consumed on. */
  readonly channel: () => IntakeChannel | undefined;
  /** Whether batches are stored or have to wait. */
  readonly isStoring: () => boolean;
  /** A service has announced itself. */
  readonly onAnnounced: (service: string, acknowledge: () => void) => void;
  /** A batch with this number of new records was committed. */
  readonly onProgress: (records: number) => void;
  /** These dead letters were stored. Usually the list is empty. */
  readonly onDeadLetters: (letters: readonly DeadLetter[]) => void;
  /** A batch cannot be stored. It is held until `resume()` retries it. */
  readonly onUnavailable: (reason: string) => Promise<void>;
  readonly afterCommit?: (() => void | Promise<void>) | undefined;
  readonly onStored?: ((records: readonly StoredRecord[]) => void | Promise<void>) | undefined;
}

/** Messages of one channel that are stored together. */
interface Batch {
  readonly channel: IntakeChannel;
  readonly deliveries: ParsedDelivery[];
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #parse: (delivery: Delivery) => ParsedDelivery;
  readonly #scheduler: BatchScheduler;
  readonly #lanes: LaneCounts;
  readonly #counted: PipelineCounts;
  readonly #counts: PipelineCounts['totals'];
  #writingSinceMs: number | undefined;
  readonly #background = new Set<Promise<void>>();
  /** The batch that could not be stored. */
  #unstored: Batch | undefined;
  #work: Promise<void> | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#lanes = new LaneCounts(options.config.maxServices);
    this.#counted = { ...noPipelineCounts(), lanes: this.#lanes.table };
    this.#counts = this.#counted.totals;
    const { batchSize: records, batchBytes: bytes, batchLingerMs: lingerMs, pythonTimezone } = options.config;
    const localOffsets = new LocalOffsets((sentence) => internalLogger.warning(sentence));
    const context = { newId: recordId, pythonTimezone, localOffsets };
    this.#parse = (delivery) => (isParsed(delivery) ? delivery : parseDelivery(delivery, context));
    this.#scheduler = new BatchScheduler({ records, bytes, lingerMs }, this.#parse, () => this.resume());
  }

  /** The live object: copy it to keep it. */
  get counts(): PipelineCounts {
    return this.#counted;
  }

  /** When the current batch started being written, in epoch milliseconds; undefined if none is. */
  get writingSinceMs(): number | undefined {
    return this.#writingSinceMs;
  }

  /** @returns the number of records in the message, if already known. */
  receive(channel: IntakeChannel, queue: string, message: ConsumeMessage): number | undefined {
    if (message.fields.redelivered) this.#counts.redelivered++;
    // Checked first: the message may be what crashed the consumers that received it before.
    const delivery = deliveryOf(queue, message);
    if (isDeadly(message, Date.now())) return this.#scheduler.add(unparsed(delivery, DEADLY));
    if (returnsOf(message) < MAX_RETURNS) return this.#enqueue(channel, delivery);
    this.#spawn(this.#requeueAsNew(channel, delivery));
    return undefined;
  }

  /** Continues to store waiting messages. */
  resume(): void {
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
    });
  }

  /** Discards waiting messages: their channel is closed or is about to be, and the broker redelivers them. */
  clear(): void {
    this.#unstored = undefined;
    this.#scheduler.clear();
  }

  /** Stores waiting messages without waiting for more. Resolves when no work is left. */
  async finish(): Promise<void> {
    this.#scheduler.flush();
    while (this.#work || this.#background.size > 0) await Promise.allSettled([this.#work, ...this.#background]);
  }

  #enqueue(channel: IntakeChannel, delivery: Delivery): number | undefined {
    if (delivery.queue !== SERVICES_QUEUE) return this.#scheduler.add(delivery);
    const parsed = this.#parse(delivery);
    const [service] = parsed.announced;
    if (service === undefined) return this.#scheduler.add(parsed);
    this.#options.onAnnounced(service, () => channel.acknowledge([delivery.tag]));
    return 1;
  }

  /**
   * If a message cannot be republished now, it is stored directly: a full queue accepts no copy, so it would stay full.
   */
  async #requeueAsNew(channel: IntakeChannel, delivery: Delivery): Promise<void> {
    if (await this.#isCopied(delivery)) {
      this.#acknowledge(channel, [delivery]);
      this.#counts.rounds++;
    } else if (!channel.isEnded) {
      this.#enqueue(channel, { ...delivery, alone: true });
    }
  }

  async #isCopied({ queue, message }: Delivery): Promise<boolean> {
    const { republisher } = this.#options;
    // After a restart of the broker, the publish connection may open a moment later than the other.
    if (!(await within(COPY_TIMEOUT_MS, republisher.whenReady()))) return false;
    const copied = republisher.requeueAsNew(queue, message);
    return (await within(COPY_TIMEOUT_MS, copied)) && copied;
  }

  async #retry(channel: IntakeChannel, { delivery, copies }: ResolvedBatch['retrying'][number]): Promise<void> {
    const letters = await this.#options.retryPublisher.publish(channel, delivery.tag, copies);
    if (letters === undefined) return;
    this.#counts.retried += copies.length - letters.length;
    const deadLettered = new Set(letters.map(({ recordId }) => recordId));
    for (const { record } of copies) if (!deadLettered.has(record.id)) this.#lanes.count('retried', record);
    if (letters.length === 0) this.#acknowledge(channel, [delivery]);
    // The rest of the message is stored like any other and then acknowledged.
    else if (!channel.isEnded) {
      const rest: ParsedDelivery = { ...delivery, items: [], letters, records: letters.length, alone: true };
      this.#scheduler.add(rest);
    }
  }

  /** Stores one batch at a time, while the next one fills. */
  async #run(): Promise<void> {
    while (this.#options.isStoring()) {
      const next = this.#nextBatch();
      if (!next) return;
      await this.#store(next);
    }
  }

  #nextBatch(): Batch | undefined {
    const unstored = this.#unstored;
    this.#unstored = undefined;
    if (unstored && !unstored.channel.isEnded) return unstored;
    const channel = this.#options.channel();
    const deliveries = channel && this.#scheduler.take();
    return deliveries && { channel, deliveries };
  }

  async #store(batch: Batch): Promise<void> {
    const { channel, deliveries } = batch;
    const { store, republisher, config, afterCommit, onProgress, onDeadLetters, onStored, onUnavailable } =
      this.#options;
    let resolved: ResolvedBatch;
    this.#writingSinceMs = Date.now();
    const startedMs = performance.now();
    try {
      const isExpired = await this.#expiry(deliveries);
      resolved = await resolveBatch(deliveries, {
        store,
        republisher,
        retryDelaysMs: config.retryDelaysMs,
        isExpired,
        isWholeOrNothing: this.#scheduler.isWholeOrNothing(deliveries),
      });
      observe(this.#counted.commitSeconds, COMMIT_BOUNDS, (performance.now() - startedMs) / 1000);
      await afterCommit?.();
    } catch (error) {
      if (error instanceof BatchRefused) {
        if (!channel.isEnded) this.#scheduler.split(deliveries);
        return;
      }
      this.#unstored = batch;
      return onUnavailable(reasonOf(error));
    } finally {
      this.#writingSinceMs = undefined;
    }
    const tookMs = performance.now() - startedMs;
    // First of all, so that committed messages are not redelivered if anything below fails.
    this.#acknowledge(channel, resolved.finished);
    this.#scheduler.stored(deliveries, resolved.queuesWithBadRecords, tookMs);
    observe(this.#counted.batchRecords, BATCH_BOUNDS, resolved.batch.items.length);
    this.#lanes.batchStored(resolved.batch);
    for (const retrying of resolved.retrying) this.#spawn(this.#retry(channel, retrying));
    this.#counts.stored += resolved.stored;
    this.#counts.duplicates += resolved.duplicates;
    this.#countExpired(resolved.expired);
    this.#counts.deadLetters += resolved.deadLetters.length;
    onDeadLetters(resolved.deadLetters);
    this.#counts.batches++;
    onProgress(resolved.stored);
    await onStored?.(resolved.inTable());
  }

  /**
   * A record is discarded as expired only if it is too old by PostgreSQL's clock as well: this machine's clock may be
   * ahead.
   */
  async #expiry(deliveries: readonly ParsedDelivery[]): Promise<ReturnType<typeof expiredAt>> {
    const { store, config } = this.#options;
    const isExpired = expiredAt(Date.now(), config.retention);
    if (!deliveries.some(({ items }) => items.some(({ record }) => isExpired(record)))) return isExpired;
    return expiredAt(Math.min(Date.now(), await store.serverNowMs()), config.retention);
  }

  #acknowledge(channel: IntakeChannel, deliveries: readonly Delivery[]): void {
    if (channel.isEnded) return;
    channel.acknowledge(deliveries.map(({ tag }) => tag));
    for (const { queue } of deliveries) this.#lanes.acknowledged(queue);
  }

  #countExpired(records: readonly StoredRecord[]): void {
    if (records.length > 0 && this.#counts.expired === 0) {
      internalLogger.warning(
        'records older than the retention period (RETENTION_DAYS) are arriving; they are counted as expired and not stored',
      );
    }
    this.#counts.expired += records.length;
    for (const record of records) this.#lanes.count('expired', record);
  }

  /** Background work that only `finish()` awaits. Any failure is a bug in Loghive and must not end the process. */
  #spawn(work: Promise<void>): void {
    const guarded = work
      .catch((error) => internalLogger.error(`consumer: ${reasonOf(error)}`))
      .finally(() => this.#background.delete(guarded));
    this.#background.add(guarded);
  }
}

/** Invalid announcements and the rest of a message after its retries are queued like new messages, already parsed. */
function isParsed(delivery: Delivery): delivery is ParsedDelivery {
  return 'items' in delivery;
}
