/**
 * From queues to tables: takes messages, stores their records in batches, acknowledges after COMMIT.
 *
 *             start()            schema is there        storage fails
 *   created ─────────▶ preparing ───────────────▶ running ─────────────▶ paused
 *                          │ stop()                 ▲  │ stop()            │ │ stop()
 *                          │                        └──┼── probe succeeds ─┘ │
 *                          └──────────────────────▶ stopping ◀───────────────┘
 *                                                      │
 *                                                      ▼
 *                                                   stopped
 *
 * In `running` the connection to RabbitMQ may come and go; `Taking` sees to that.
 */

import { setMaxListeners } from 'node:events';
import type { ConsumeMessage } from 'amqplib';
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { StoredRecord } from '../src/record.js';
import { LocalOffsets } from '../src/time/local-offset.js';
import { sleep, within } from '../src/time/time-limit.js';
import { Batcher } from './batch.js';
import type { ConsumerConfig } from './config.js';
import { Copies } from './copies.js';
import { type Delivery, deliveryOf, MAX_RETURNS, returnsOf } from './delivery.js';
import { Discovery } from './discovery.js';
import type { Session } from './intake/session.js';
import { Taking } from './intake/taking.js';
import { Notices } from './notices.js';
import { type ParseContext, type ParsedDelivery, parseDelivery } from './parse-delivery.js';
import { recordId } from './record-id.js';
import { createRepublisher, type Republisher } from './republish.js';
import { type Settled, settle } from './settle.js';
import { type ConsumerState, type ConsumerStatus, healthOf, noCounts } from './status.js';
import { untilStorageWorks } from './storage-probe.js';
import { openStore, type Store } from './store/index.js';
import { Teller } from './teller.js';

/** How long `stop()` may take to finish what is in hand, in milliseconds. */
const STOP_MS = 8000;

/** How long the first message waits for the connection that copies are published on, in milliseconds. */
const PUBLISHING_PATIENCE_MS = 2000;

/** Moments at which a test or the live view of `loghive dev` steps in. Not part of the contract. */
export interface ConsumerSeams {
  /** After COMMIT, before the acknowledgement. */
  readonly afterCommit?: () => void | Promise<void>;
  /** After the acknowledgement, with what is in the table; the next batch waits for it. */
  readonly onStored?: (records: readonly StoredRecord[]) => void | Promise<void>;
  /** After how long a message is given back whose retry cannot be published. */
  readonly giveBackAfterMs?: number;
}

export class Consumer {
  readonly #config: ConsumerConfig;
  readonly #seams: ConsumerSeams;
  readonly #store: Store;
  readonly #discovery: Discovery;
  readonly #taking: Taking;
  readonly #republisher: Republisher;
  readonly #copies: Copies;
  readonly #batcher: Batcher;
  readonly #notices = new Notices();
  readonly #teller = new Teller();
  readonly #counts = noCounts();
  readonly #abort = new AbortController();
  readonly #background = new Set<Promise<void>>();
  #state: ConsumerState = 'created';
  #sinceMs = Date.now();
  #reason: string | undefined;
  #pausesInARow = 0;
  #work: Promise<void> | undefined;
  #stopped: Promise<void> = Promise.resolve();
  #resolveStarted: () => void = () => {};
  readonly #started = new Promise<void>((resolve) => {
    this.#resolveStarted = resolve;
  });

  constructor(config: ConsumerConfig, seams: ConsumerSeams = {}) {
    this.#config = config;
    this.#seams = seams;
    this.#store = openStore({ ...config.store, notice: (text, level) => internalLogger[level](text) });
    this.#republisher = createRepublisher(
      config,
      (sentence) => this.#teller.warning('broker', sentence),
      (sentence) => this.#notices.tell(sentence),
    );
    setMaxListeners(0, this.#abort.signal);
    this.#copies = new Copies({
      republisher: this.#republisher,
      signal: this.#abort.signal,
      onWaiting: (waits) => this.#tellOfRetries(waits),
      ...(seams.giveBackAfterMs === undefined ? {} : { giveBackAfterMs: seams.giveBackAfterMs }),
    });
    this.#discovery = new Discovery({
      services: config.services,
      store: this.#store,
      notices: this.#notices,
      onFound: (service) => this.#taking.add(service),
    });
    this.#taking = new Taking(config, {
      services: () => this.#discovery.services,
      teller: this.#teller,
      notices: this.#notices,
      onMessage: (session, queue, message) => this.#take(session, queue, message),
      onLost: () => this.#batcher.clear(),
      onTaking: () => this.#resolveStarted(),
      signal: this.#abort.signal,
    });
    const { batchSize: records, batchBytes: bytes, batchLingerMs: lingerMs, pythonTimezone } = config;
    const localOffsets = new LocalOffsets((sentence) => internalLogger.warning(sentence));
    const context: ParseContext = { newId: recordId, pythonTimezone, localOffsets };
    this.#batcher = new Batcher(
      { records, bytes, lingerMs },
      (delivery) => parseDelivery(delivery, context),
      () => this.#startWork(),
    );
  }

  /**
   * Brings the schema up to date, connects and begins to take messages. Resolves when it does; until the servers are
   * there it goes on trying.
   *
   * @throws LoghiveError LOGHIVE_MIGRATION_FAILED when the schema cannot be brought up to date.
   */
  async start(): Promise<void> {
    if (this.#state !== 'created')
      throw new LoghiveError('LOGHIVE_CLOSED', `the consumer is ${this.#state}; create a new one`);
    this.#transition('preparing');
    this.#taking.connect();
    this.#republisher.open();
    try {
      await this.#untilStorageWorks(() => this.#store.migrate());
      await this.#untilStorageWorks(() => this.#discovery.begin());
    } catch (error) {
      await this.stop();
      throw error;
    }
    // A message that came back often must be copied at once: should this process die before that, it came back once more.
    await Promise.race([this.#republisher.whenReady(), sleep(PUBLISHING_PATIENCE_MS, this.#abort.signal)]);
    if (this.#abort.signal.aborted) return;
    this.#transition('running');
    this.#taking.begin();
    void this.#discovery.watch(() => this.#state === 'running', this.#abort.signal);
    await this.#started;
  }

  /** Takes nothing more, finishes what is in hand within 8 s, gives back the rest, closes everything. Never rejects. */
  async stop(): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') return this.#stopped;
    const wasRunning = this.#state === 'running';
    this.#transition('stopping');
    this.#abort.abort();
    this.#resolveStarted();
    this.#stopped = this.#stop(wasRunning);
    return this.#stopped;
  }

  status(): ConsumerStatus {
    const { notice } = this.#copies;
    const notices = notice === undefined ? this.#notices.all : [...this.#notices.all, notice];
    const known = { state: this.#state, broker: this.#taking.status(), notices };
    return {
      ...known,
      sinceMs: this.#sinceMs,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      health: healthOf(known),
      services: this.#discovery.services,
      publishing: this.#republisher.status(),
      inHand: this.#taking.session?.unacknowledged ?? 0,
      counts: { ...this.#counts },
    };
  }

  #transition(state: ConsumerState, reason?: string): void {
    this.#state = state;
    this.#sinceMs = Date.now();
    this.#reason = reason;
  }

  #take(session: Session, queue: string, message: ConsumeMessage): number | undefined {
    if (message.fields.redelivered) this.#counts.redelivered++;
    const delivery = deliveryOf(queue, message);
    if (returnsOf(message) < MAX_RETURNS) return this.#batcher.add(delivery);
    this.#spawn(this.#anotherRound(session, delivery));
    return undefined;
  }

  async #anotherRound(session: Session, delivery: Delivery): Promise<void> {
    const publish = () => this.#republisher.anotherRound(delivery);
    if (await this.#copies.finish(session, delivery.tag, publish)) this.#counts.rounds++;
  }

  async #retry(session: Session, { delivery, records, publish }: Settled['retrying'][number]): Promise<void> {
    if (await this.#copies.finish(session, delivery.tag, publish)) this.#counts.retried += records;
  }

  #tellOfRetries(waits: boolean): void {
    const { fault } = this.#republisher;
    if (waits) this.#teller.warning('retries', `retries cannot be published now${fault ? `: ${fault}` : ''}`);
    else if (!this.#abort.signal.aborted) this.#teller.info('retries', 'no message waits for its retry any more');
  }

  #startWork(): void {
    this.#work ??= this.#workOff().finally(() => {
      this.#work = undefined;
    });
  }

  /** One batch at a time; the next one fills meanwhile. */
  async #workOff(): Promise<void> {
    while (this.#state === 'running' || this.#state === 'stopping') {
      const { session } = this.#taking;
      const batch = this.#batcher.take();
      if (!session || !batch) return;
      await this.#process(session, batch);
    }
  }

  async #process(session: Session, batch: ParsedDelivery[]): Promise<void> {
    let settled: Settled;
    try {
      await this.#discovery.keep(batch.flatMap(({ announced }) => announced));
      settled = await settle(batch, this.#store, this.#republisher, this.#config.retryDelaysMs);
      await this.#seams.afterCommit?.();
    } catch (error) {
      await this.#pause(reasonOf(error));
      return;
    }
    session.acknowledge(settled.finished.map((delivery) => delivery.tag));
    for (const retrying of settled.retrying) this.#spawn(this.#retry(session, retrying));
    this.#counts.stored += settled.stored;
    this.#counts.duplicates += settled.duplicates;
    this.#counts.deadLetters += settled.buried;
    this.#counts.batches++;
    this.#pausesInARow = 0;
    await this.#seams.onStored?.(settled.inTable());
  }

  /** Nothing moves: everything unacknowledged goes back once, and a probe decides when to go on. */
  async #pause(reason: string): Promise<void> {
    this.#batcher.clear();
    if (this.#state === 'running') {
      this.#counts.pauses++;
      this.#transition('paused', reason);
      this.#teller.warning('storage', `storage is paused: ${reason}`);
      this.#spawn(this.#resume());
    }
    await this.#taking.pause();
  }

  async #resume(): Promise<void> {
    // The probe may succeed where the same batch fails again: then the pauses grow, instead of following each other at once.
    await sleep(backoffMs(++this.#pausesInARow, RECONNECT), this.#abort.signal);
    await this.#untilStorageWorks(() => this.#store.probe());
    if (this.#state !== 'paused') return;
    this.#transition('running');
    this.#teller.info('storage', 'storage works again');
    this.#taking.begin();
  }

  #untilStorageWorks(attempt: () => Promise<unknown>): Promise<void> {
    const tell = (reason: string) => {
      this.#reason = reason;
      const what = this.#state === 'paused' ? 'storage is paused' : 'storage does not work yet';
      this.#teller.warning('storage', `${what}: ${reason}`);
    };
    return untilStorageWorks(attempt, tell, this.#abort.signal);
  }

  async #stop(wasRunning: boolean): Promise<void> {
    if (wasRunning) await within(STOP_MS, this.#finishInHand());
    this.#batcher.clear();
    await Promise.all([this.#taking.close(), this.#republisher.close(), within(1000, this.#store.close())]);
    this.#transition('stopped');
  }

  async #finishInHand(): Promise<void> {
    await this.#taking.drain();
    this.#batcher.hurry();
    while (this.#work || this.#background.size > 0) await Promise.allSettled([this.#work, ...this.#background]);
  }

  /** Work that nobody awaits but `stop()`. A failure of it is a fault of ours, and must not end the process. */
  #spawn(work: Promise<void>): void {
    const guarded = work
      .catch((error) => internalLogger.error(`consumer: ${reasonOf(error)}`))
      .finally(() => this.#background.delete(guarded));
    this.#background.add(guarded);
  }
}
