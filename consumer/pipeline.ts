/**
 * What becomes of a message that was taken: published anew where it came back often, else parsed, stored in a batch, and
 * acknowledged after COMMIT.
 *
 *   take ──returned often──▶ copied to its own queue ──confirmed──▶ acknowledged
 *     │                              │ not confirmed: handled alone
 *     └──────────▶ parsed ──────────▶ batch ──COMMIT──▶ acknowledged
 *                                     │ ▲ └──a record for later──▶ delay queue ──confirmed──▶ acknowledged
 *                                     │ │                              │ too large for the broker: a dead letter
 *                         cannot be stored; held, and stored before all others when storage works again
 *
 * Should the process die anywhere on this way, the message is unacknowledged and comes again; what was stored already is
 * dropped by its key.
 */
import type { ConsumeMessage } from 'amqplib';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { StoredRecord } from '../src/record.js';
import { LocalOffsets } from '../src/time/local-offset.js';
import { within } from '../src/time/time-limit.js';
import { SERVICES_QUEUE } from '../src/wire.js';
import type { ConsumerConfig } from './config.js';
import { type Delivery, deliveryOf, returnsOf } from './delivery.js';
import type { IntakeChannel } from './intake/intake-channel.js';
import { MAX_RETURNS } from './intake/queue-hazards.js';
import { observe } from './metrics/histogram.js';
import { LaneCounts } from './metrics/lane-counts.js';
import { BATCH_BOUNDS, COMMIT_BOUNDS, noPipelineCounts, type PipelineCounts } from './metrics/snapshot.js';
import { type ParsedDelivery, parseDelivery } from './parse-delivery.js';
import type { PendingRepublishes } from './pending-republishes.js';
import { recordId } from './record-id.js';
import type { Republisher } from './republish.js';
import { type Settled, settle } from './settle.js';
import { BatchRefused, type DeadLetter, expiredAt, type Store } from './store/index.js';
import { Turns } from './turns.js';

/** How long a message that came back often waits for the publishing connection, and then for its copy's confirm, in milliseconds. */
const COPY_TIMEOUT_MS = 5000;

type PipelineConfig = Pick<
  ConsumerConfig,
  'batchSize' | 'batchBytes' | 'batchLingerMs' | 'retryDelaysMs' | 'retention' | 'pythonTimezone' | 'maxServices'
>;

export interface PipelineOptions {
  readonly config: PipelineConfig;
  readonly store: Store;
  readonly republisher: Republisher;
  readonly copies: PendingRepublishes;
  /** The session that messages are taken over now. */
  readonly session: () => IntakeChannel | undefined;
  /** Whether batches are stored now, or wait. */
  readonly isStoring: () => boolean;
  /** A service has announced itself. */
  readonly onAnnounced: (service: string, acknowledge: () => void) => void;
  /** A batch was committed, with so many records that are new. */
  readonly onProgress: (records: number) => void;
  /** These are stored as such; as a rule there are none. */
  readonly onDeadLetters: (letters: readonly DeadLetter[]) => void;
  /** A batch cannot be stored now. It is held: `resume()` tries it again. */
  readonly onUnavailable: (reason: string) => Promise<void>;
  readonly afterCommit?: (() => void | Promise<void>) | undefined;
  readonly onStored?: ((records: readonly StoredRecord[]) => void | Promise<void>) | undefined;
}

/** What was taken over one channel and is stored together. */
interface Batch {
  readonly session: IntakeChannel;
  readonly deliveries: ParsedDelivery[];
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #parse: (delivery: Delivery) => ParsedDelivery;
  readonly #turns: Turns;
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
    this.#turns = new Turns({ records, bytes, lingerMs }, this.#parse, () => this.resume());
  }

  /** Goes on counting in the same object: whoever keeps it, copies it. */
  get counts(): PipelineCounts {
    return this.#counted;
  }

  /** Since when a batch is being written, in epoch milliseconds; undefined while none is. */
  get writingSinceMs(): number | undefined {
    return this.#writingSinceMs;
  }

  /** @returns how many records it holds, where that is known already. */
  take(session: IntakeChannel, queue: string, message: ConsumeMessage): number | undefined {
    if (message.fields.redelivered) this.#counts.redelivered++;
    // Looked at before anything else of it: it may be what ended those who had it before.
    const delivery = deliveryOf(queue, message);
    if (returnsOf(message) < MAX_RETURNS) return this.#accept(session, delivery);
    this.#spawn(this.#requeueAsNew(session, delivery));
    return undefined;
  }

  /** Goes on storing what is in hand. */
  resume(): void {
    this.#work ??= this.#workOff().finally(() => {
      this.#work = undefined;
    });
  }

  /** Forgets what is in hand: its channel has ended, or is about to, and it comes again. */
  clear(): void {
    this.#unstored = undefined;
    this.#turns.clear();
  }

  /** Stores what is in hand without waiting for more. Resolves when nothing is under way any more. */
  async finish(): Promise<void> {
    this.#turns.hurry();
    while (this.#work || this.#background.size > 0) await Promise.allSettled([this.#work, ...this.#background]);
  }

  #accept(session: IntakeChannel, delivery: Delivery): number | undefined {
    if (delivery.queue !== SERVICES_QUEUE) return this.#turns.add(delivery);
    const parsed = this.#parse(delivery);
    const [service] = parsed.announced;
    if (service === undefined) return this.#turns.add(parsed);
    this.#options.onAnnounced(service, () => session.acknowledge([delivery.tag]));
    return 1;
  }

  /** A message that cannot be published anew now is stored without that: a full queue must not keep itself full. */
  async #requeueAsNew(session: IntakeChannel, delivery: Delivery): Promise<void> {
    if (await this.#isCopied(delivery)) {
      session.acknowledge([delivery.tag]);
      this.#counts.rounds++;
    } else if (!session.isEnded) {
      this.#accept(session, { ...delivery, alone: true });
    }
  }

  async #isCopied({ queue, message }: Delivery): Promise<boolean> {
    const { republisher } = this.#options;
    // After a broker's restart the connection that copies are published on may be there a moment later than the other.
    if (!(await within(COPY_TIMEOUT_MS, republisher.whenReady()))) return false;
    const copied = republisher.requeueAsNew(queue, message);
    return (await within(COPY_TIMEOUT_MS, copied)) && copied;
  }

  async #retry(session: IntakeChannel, { delivery, copies }: Settled['retrying'][number]): Promise<void> {
    const letters = await this.#options.copies.publish(session, delivery.tag, copies);
    if (letters === undefined) return;
    this.#counts.retried += copies.length - letters.length;
    const given = new Set(letters.map(({ recordId }) => recordId));
    for (const { record } of copies) if (!given.has(record.id)) this.#lanes.count('retried', record);
    if (letters.length === 0) session.acknowledge([delivery.tag]);
    // All that is left of the message: stored like any other, and acknowledged then.
    else if (!session.isEnded) {
      const rest: ParsedDelivery = { ...delivery, items: [], letters, records: letters.length, alone: true };
      this.#turns.add(rest);
    }
  }

  /** One batch at a time; the next one fills meanwhile. */
  async #workOff(): Promise<void> {
    while (this.#options.isStoring()) {
      const next = this.#nextBatch();
      if (!next) return;
      await this.#store(next);
    }
  }

  #nextBatch(): Batch | undefined {
    const unstored = this.#unstored;
    this.#unstored = undefined;
    if (unstored && !unstored.session.isEnded) return unstored;
    const session = this.#options.session();
    const deliveries = session && this.#turns.take();
    return deliveries && { session, deliveries };
  }

  async #store(batch: Batch): Promise<void> {
    const { session, deliveries } = batch;
    const { store, republisher, config, afterCommit, onProgress, onDeadLetters, onStored, onUnavailable } =
      this.#options;
    let settled: Settled;
    this.#writingSinceMs = Date.now();
    const startedMs = performance.now();
    try {
      const isExpired = await this.#expiry(deliveries);
      settled = await settle(deliveries, {
        store,
        republisher,
        retryDelaysMs: config.retryDelaysMs,
        isExpired,
        isWholeOrNothing: this.#turns.isWholeOrNothing(deliveries),
      });
      observe(this.#counted.commitSeconds, COMMIT_BOUNDS, (performance.now() - startedMs) / 1000);
      await afterCommit?.();
    } catch (error) {
      if (error instanceof BatchRefused) {
        if (!session.isEnded) this.#turns.cut(deliveries);
        return;
      }
      this.#unstored = batch;
      return onUnavailable(reasonOf(error));
    } finally {
      this.#writingSinceMs = undefined;
    }
    const tookMs = performance.now() - startedMs;
    // Before all else: whatever fails from here on, what is committed must not come again.
    session.acknowledge(settled.finished.map((delivery) => delivery.tag));
    this.#turns.stored(deliveries, settled.queuesWithBadRecords, tookMs);
    observe(this.#counted.batchRecords, BATCH_BOUNDS, settled.batch.items.length);
    this.#lanes.batchStored(settled.batch);
    for (const retrying of settled.retrying) this.#spawn(this.#retry(session, retrying));
    this.#counts.stored += settled.stored;
    this.#counts.duplicates += settled.duplicates;
    this.#countExpired(settled.expired);
    this.#counts.deadLetters += settled.deadLetters.length;
    onDeadLetters(settled.deadLetters);
    this.#counts.batches++;
    onProgress(settled.stored);
    await onStored?.(settled.inTable());
  }

  /** What is discarded for its age must be too old by PostgreSQL's clock as well: that of this machine may be ahead. */
  async #expiry(deliveries: readonly ParsedDelivery[]): Promise<ReturnType<typeof expiredAt>> {
    const { store, config } = this.#options;
    const isExpired = expiredAt(Date.now(), config.retention);
    if (!deliveries.some(({ items }) => items.some(({ record }) => isExpired(record)))) return isExpired;
    return expiredAt(Math.min(Date.now(), await store.serverNowMs()), config.retention);
  }

  #countExpired(records: readonly StoredRecord[]): void {
    if (records.length > 0 && this.#counts.expired === 0) {
      internalLogger.warning(
        'records come that are older than they are to be kept (RETENTION_DAYS); they are not stored, but counted as expired',
      );
    }
    this.#counts.expired += records.length;
    for (const record of records) this.#lanes.count('expired', record);
  }

  /** Work that nobody awaits but `finish()`. A failure of it is a fault of ours, and must not end the process. */
  #spawn(work: Promise<void>): void {
    const guarded = work
      .catch((error) => internalLogger.error(`consumer: ${reasonOf(error)}`))
      .finally(() => this.#background.delete(guarded));
    this.#background.add(guarded);
  }
}

/** An announcement that is none, and what is left of a message after its retries, go the way of a message that has just come. */
function isParsed(delivery: Delivery): delivery is ParsedDelivery {
  return 'items' in delivery;
}
