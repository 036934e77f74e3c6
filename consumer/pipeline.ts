/**
 * What becomes of a message that was taken: published anew where it came back often, else parsed, stored in a batch, and
 * acknowledged after COMMIT.
 *
 *   take ──returned often──▶ copied to its own queue ──confirmed──▶ acknowledged
 *     │                              │ not confirmed: handled alone
 *     └──────────▶ parsed ──────────▶ batch ──COMMIT──▶ acknowledged
 *                                     │ ▲ └──a record for later──▶ delay queue ──confirmed──▶ acknowledged
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
import { Batcher } from './batch.js';
import type { ConsumerConfig } from './config.js';
import type { Copies } from './copies.js';
import { type Delivery, deliveryOf, returnsOf } from './delivery.js';
import { MAX_RETURNS } from './intake/queue-hazards.js';
import type { Session } from './intake/session.js';
import { type ParsedDelivery, parseDelivery } from './parse-delivery.js';
import { recordId } from './record-id.js';
import type { Republisher } from './republish.js';
import { type Settled, settle } from './settle.js';
import { type ConsumerCounts, noCounts } from './status.js';
import type { Store } from './store/index.js';

/** How long a message that came back often waits for the publishing connection, and then for its copy's confirm, in milliseconds. */
const COPY_TIMEOUT_MS = 5000;

type PipelineConfig = Pick<
  ConsumerConfig,
  'batchSize' | 'batchBytes' | 'batchLingerMs' | 'retryDelaysMs' | 'pythonTimezone'
>;

export interface PipelineOptions {
  readonly config: PipelineConfig;
  readonly store: Store;
  readonly republisher: Republisher;
  readonly copies: Copies;
  /** The session that messages are taken over now. */
  readonly session: () => Session | undefined;
  /** Whether batches are stored now, or wait. */
  readonly isStoring: () => boolean;
  /** A service has announced itself. */
  readonly onAnnounced: (service: string, acknowledge: () => void) => void;
  /** A batch was stored. */
  readonly onProgress: () => void;
  /** A batch cannot be stored now. It is held: `resume()` tries it again. */
  readonly onUnavailable: (reason: string) => Promise<void>;
  readonly afterCommit?: (() => void | Promise<void>) | undefined;
  readonly onStored?: ((records: readonly StoredRecord[]) => void | Promise<void>) | undefined;
}

/** What was taken over one channel and is stored together. */
interface Batch {
  readonly session: Session;
  readonly deliveries: ParsedDelivery[];
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #parse: (delivery: Delivery) => ParsedDelivery;
  readonly #batcher: Batcher;
  readonly #counts = noCounts();
  readonly #background = new Set<Promise<void>>();
  /** The batch that could not be stored. */
  #unstored: Batch | undefined;
  #work: Promise<void> | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { batchSize: records, batchBytes: bytes, batchLingerMs: lingerMs, pythonTimezone } = options.config;
    const localOffsets = new LocalOffsets((sentence) => internalLogger.warning(sentence));
    const context = { newId: recordId, pythonTimezone, localOffsets };
    this.#parse = (delivery) => parseDelivery(delivery, context);
    this.#batcher = new Batcher({ records, bytes, lingerMs }, this.#parse, () => this.resume());
  }

  get counts(): Omit<ConsumerCounts, 'pauses'> {
    return this.#counts;
  }

  /** @returns how many records it holds, where that is known already. */
  take(session: Session, queue: string, message: ConsumeMessage): number | undefined {
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
    this.#batcher.clear();
  }

  /** Stores what is in hand without waiting for more. Resolves when nothing is under way any more. */
  async finish(): Promise<void> {
    this.#batcher.hurry();
    while (this.#work || this.#background.size > 0) await Promise.allSettled([this.#work, ...this.#background]);
  }

  #accept(session: Session, delivery: Delivery): number | undefined {
    const [service] = delivery.queue === SERVICES_QUEUE ? this.#parse(delivery).announced : [];
    if (service === undefined) return this.#batcher.add(delivery);
    this.#options.onAnnounced(service, () => session.acknowledge([delivery.tag]));
    return 1;
  }

  /** A message that cannot be published anew now is stored without that: a full queue must not keep itself full. */
  async #requeueAsNew(session: Session, delivery: Delivery): Promise<void> {
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

  async #retry(session: Session, { delivery, records, publish }: Settled['retrying'][number]): Promise<void> {
    if (await this.#options.copies.finish(session, delivery.tag, publish)) this.#counts.retried += records;
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
    const deliveries = session && this.#batcher.take();
    return deliveries && { session, deliveries };
  }

  async #store(batch: Batch): Promise<void> {
    const { session, deliveries } = batch;
    const { store, republisher, config, afterCommit, onProgress, onStored, onUnavailable } = this.#options;
    let settled: Settled;
    try {
      settled = await settle(deliveries, store, republisher, config.retryDelaysMs);
      await afterCommit?.();
    } catch (error) {
      this.#unstored = batch;
      return onUnavailable(reasonOf(error));
    }
    session.acknowledge(settled.finished.map((delivery) => delivery.tag));
    for (const retrying of settled.retrying) this.#spawn(this.#retry(session, retrying));
    this.#counts.stored += settled.stored;
    this.#counts.duplicates += settled.duplicates;
    this.#counts.deadLetters += settled.buried;
    this.#counts.batches++;
    onProgress();
    await onStored?.(settled.inTable());
  }

  /** Work that nobody awaits but `finish()`. A failure of it is a fault of ours, and must not end the process. */
  #spawn(work: Promise<void>): void {
    const guarded = work
      .catch((error) => internalLogger.error(`consumer: ${reasonOf(error)}`))
      .finally(() => this.#background.delete(guarded));
    this.#background.add(guarded);
  }
}
