/**
 * Accepts encoded lines and publishes them with confirms. Independent of the logger.
 *
 * Where is a record if the process dies at this point? In a lane (open lines, waiting or in flight) until the broker
 * confirms its frame. Only a confirm takes it out; a nack, a return, a closed channel or connection put it back.
 */
import { EventEmitter } from 'node:events';
import { messageLimit } from '../amqp/broker-reply.js';
import { PublishChannel, type PublishOutcome } from '../amqp/publish-channel.js';
import { emitSafely } from '../emit-safely.js';
import { LoghiveError } from '../errors.js';
import { diagnosticLogger, type InternalLogger } from '../internal-logger.js';
import type { Level } from '../level.js';
import type { PublisherConfig } from '../producer-config.js';
import { Account } from './account.js';
import { Announcer } from './announcer.js';
import { Backlog } from './backlog.js';
import { Dispatch, WINDOW_BYTES } from './dispatch.js';
import { DropCounter, type NotAccepted } from './drop-counter.js';
import { Flushes, type FlushOptions, TimedFlush } from './flushes.js';
import { ArrivalOrder, BodyPool, type Frame } from './frames.js';
import { FRAME_BYTES } from './lane.js';
import { Lanes, type ThrottledLane } from './lanes.js';
import { Leftovers } from './leftovers.js';
import { reportOutages } from './outage.js';
import { Adoption } from './spool/adoption.js';
import type { Segment } from './spool/segment.js';
import { Spool } from './spool/spool.js';
import type { CloseResult, PublisherStats, PublisherStatus } from './status.js';
import { lossWarner, type PublisherEvents, refusal, type Watch, warn } from './status.js';

export class Publisher {
  readonly events = new EventEmitter<PublisherEvents>();
  readonly config: PublisherConfig;
  readonly log: InternalLogger;
  readonly #publishChannel: PublishChannel;
  readonly #bodies = new BodyPool(FRAME_BYTES, WINDOW_BYTES);
  readonly #lanes: Lanes;
  readonly #dispatch: Dispatch;
  readonly #announcer: Announcer;
  readonly #drops: DropCounter;
  readonly #watch: Watch;
  readonly #outage: { stop(): void };
  readonly #spool: Spool | undefined;
  readonly #adoption: Adoption | undefined;
  /** `given up`: the end of the script does not wait for the records that it has left on disk, until there are others. */
  #state: 'open' | 'given up' | 'closed' = 'open';
  /** Set at the very end of the process: sends each record before the logging call returns. */
  #atOnce: (() => void) | undefined;
  #closing: Promise<CloseResult> | undefined;
  readonly #backlog: Backlog;
  readonly #noAccount = new Account();
  readonly notAccepted: NotAccepted;
  /** For another thread to send, at the end of the process. */
  readonly leftovers: Leftovers;
  readonly #timedFlush = new TimedFlush({
    flush: () => this.flush(),
    hurry: () => this.#publishChannel.connection.retryNow(),
    isIdle: () => this.isIdle,
    settled: () => this.#backlog.settled,
  });
  readonly #flushes = new Flushes(
    {
      accepted: () => this.stats().accepted,
      hurry: () => this.#dispatch.now(),
      settled: () => this.#lanes.settled(),
      announced: async () => this.#announcer.hasAnnounced || this.#announcer.announced(),
    },
    this.#timedFlush,
  );

  constructor(config: PublisherConfig, watch: Watch = {}) {
    this.config = config;
    this.log = diagnosticLogger(config.onDiagnostic);
    this.#watch = watch;
    this.#drops = new DropCounter(lossWarner({ events: this.events, log: this.log }));
    this.notAccepted = this.#drops.notAccepted;
    // Every integration of the application may listen.
    this.events.setMaxListeners(0);
    this.#publishChannel = new PublishChannel(config.broker, `loghive producer ${process.pid}`, false);
    // Without a usable address, nobody knows which broker would get the records later.
    const spool = config.broker.fault === undefined ? config.spool : undefined;
    this.#spool = spool && new Spool(spool, config.broker, this.#warnOfSpool);
    this.#lanes = new Lanes({
      recordsPerMessage: config.recordsPerMessage,
      bodies: this.#bodies,
      arrivalOrder: new ArrivalOrder(config.bufferBytes / 16),
      spool: this.#spool,
      resume: () => this.#dispatch.pump(),
      onService: (service) => this.#announcer.add(service),
    });
    this.#backlog = new Backlog(this.#lanes, this.#drops, config.bufferBytes, this.#spool);
    this.#dispatch = new Dispatch(
      this.#publishChannel,
      this.#lanes,
      config,
      (lane) => this.#backlog.load(lane, this.#warnOfSpool),
      (throttled, frame, outcome) => this.#onOutcome(throttled, frame, outcome),
    );
    const replay = (service: string, level: Level, segment: Segment) => {
      this.#lanes.replay(service, level, segment);
      this.#dispatch.pump();
    };
    this.#adoption = this.#spool && new Adoption(this.#spool, replay, this.#warnOfSpool);
    const { events } = this.#publishChannel;
    events.on('open', (_connection, isNew) => {
      // It may be another broker, or the limit may have changed.
      if (isNew) this.#limitBodies(Number.POSITIVE_INFINITY);
      if (isNew) emitSafely(this.events, 'connect');
      this.#dispatch.reopened();
    });
    events.on('unblocked', () => this.#dispatch.pump());
    events.on('lost', (error) => emitSafely(this.events, 'disconnect', error));
    this.#outage = reportOutages(this.#publishChannel, this, () => this.#lanes.records + this.#lanes.spooled);
    events.on('channelClosed', (error) => {
      for (const { throttle } of this.#lanes) throttle.redeclare();
      // Otherwise a server with a smaller limit would refuse the same frame forever. Frames of the closed channel
      // return to their lanes within this turn of the event loop.
      const largestBody = messageLimit(error.message);
      if (largestBody !== undefined) setImmediate(() => this.#limitBodies(largestBody));
    });
    events.on('warning', (error) => warn(this, error));
    this.#announcer = new Announcer(this.#publishChannel, { warn: (error) => warn(this, error), log: this.log });
    this.leftovers = new Leftovers({
      lanes: this.#lanes,
      backlog: this.#backlog,
      announcer: this.#announcer,
      drops: this.#drops,
      connection: this.#publishChannel.connection,
      spool: this.#spool,
      warn: (error) => warn(this, error),
      stop: () => this.#stop(),
    });
    this.#publishChannel.connection.open();
  }

  /** Announces a service whose records will be sent, so that consumers find it. */
  announce(service: string): void {
    if (this.#state === 'closed') return;
    this.#announcer.add(service);
    this.#adoption?.add(service);
  }

  /**
   * Accepts one record. Returns immediately. Throws only if the record was neither accepted nor counted, because the
   * caller's stack is exhausted: the caller then counts it in `notAccepted`.
   *
   * @param line the record as one line of JSON.
   * @param account the integration that the record belongs to.
   */
  accept(service: string, level: Level, line: string, account: Account = this.#noAccount): void {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#state === 'closed') {
      this.#drops.count({ service, level }, 'logged after close', 1);
      this.#watch.onLate?.(this.#drops);
      return;
    }
    this.#publishChannel.connection.open();
    this.#drops.reportNotAccepted();
    const tooLarge = bytes - 1 > this.#lanes.largestBody;
    if (tooLarge || !this.#backlog.makeRoom(level, bytes)) {
      this.#drops.count({ service, level }, tooLarge ? 'larger than the broker allows' : 'buffer full', 1);
      return;
    }
    const { lane } = this.#lanes.of(service, level);
    const before = lane.bytes;
    try {
      lane.add(line, bytes, Date.now(), account);
      this.#dispatch.soon();
    } catch (error) {
      if (lane.bytes === before) throw error;
    }
    this.#backlog.added(lane.bytes - before);
    account.pending++;
    this.#state = 'open';
    this.#atOnce?.();
  }

  /**
   * Resolves when everything that was accepted before is confirmed, or dropped and counted. Does not keep the process
   * running.
   */
  flush(): Promise<void> {
    return this.#flushes.flush();
  }

  /** The same, and keeps the process running until then. */
  awaitFlush(options?: FlushOptions): Promise<void> {
    return this.#flushes.awaitFlush(options);
  }

  hurry(): void {
    this.#dispatch.now();
  }

  /**
   * Flushes for at most `timeoutMs`, then closes the connection. Never rejects. What could not be sent is left on disk, or
   * dropped, counted and reported if that is not possible. Later calls return the result of the first one.
   */
  close(timeoutMs: number = this.config.exitTimeoutMs): Promise<CloseResult> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  /** Nothing is left to be sent, or waited for at the end of the script. */
  get isIdle(): boolean {
    if (this.#state === 'given up' && this.#lanes.records === 0) return true;
    return this.#lanes.busy === 0 && this.#adoption?.isLooking !== true;
  }

  stats(): PublisherStats {
    return { ...this.#backlog.counts(), retries: this.#dispatch.retries };
  }

  status(): PublisherStatus {
    const connection = this.#publishChannel.connection.status();
    const lanes = this.#lanes.statuses();
    return this.#spool ? { connection, lanes, spool: this.#spool.status() } : { connection, lanes };
  }

  /**
   * Flushes for at most `timeoutMs`, including what is logged meanwhile. Drops nothing. Does not wait for an unreachable
   * broker if the records can be left on disk.
   *
   * @param account whose records to wait for. Default: all.
   * @returns whether nothing was pending at some moment.
   */
  flushWithin(timeoutMs: number, account?: Account): Promise<boolean> {
    this.#publishChannel.connection.open();
    const isInVain = () => this.isBrokerAway && this.#spool?.isUsable === true;
    return this.#timedFlush.within(timeoutMs, isInVain, account && (() => account.pending === 0));
  }

  /**
   * At the end of the script: moves to disk what cannot be flushed in time. The process may continue and log again; that
   * is flushed at the next end.
   */
  async flushOrGiveUp(): Promise<void> {
    const wasIdle = await this.flushWithin(this.config.exitTimeoutMs);
    if (wasIdle) return;
    this.#drops.hold();
    this.#backlog.leave('unsent at exit', !this.isBrokerAway);
    this.#drops.report();
    this.leftovers.reportSpooled();
    this.#state = 'given up';
  }

  cutWaiting(): void {
    this.#timedFlush.cut();
  }

  /** Closes the connection gracefully. It is opened again when there is something to send. */
  async rest(): Promise<void> {
    await this.#announcer.hurry();
    await this.#publishChannel.connection.close();
    if (!this.isIdle) this.#publishChannel.connection.open();
  }

  /** The last attempt to connect failed. */
  get isBrokerAway(): boolean {
    return this.#publishChannel.connection.isUnreachable;
  }

  /** From now on each record is sent before its logging call returns. */
  sendAtOnce(send: (() => void) | undefined): void {
    if (send) this.#drops.reportImmediately();
    this.#atOnce = send;
  }

  async #close(timeoutMs: number): Promise<CloseResult> {
    await this.flushWithin(timeoutMs);
    this.#drops.hold();
    this.#stop();
    const { spooled, unsent } = this.#backlog.leave('unsent at close', !this.isBrokerAway);
    this.#backlog.close();
    this.#spool?.release();
    await this.#announcer.hurry();
    await this.#publishChannel.connection.close();
    this.#drops.report();
    this.leftovers.reportSpooled();
    return { confirmed: this.#backlog.confirmed, spooled, unsent };
  }

  #stop(): void {
    this.#dispatch.stop();
    this.#announcer.stop();
    this.#outage.stop();
    this.#adoption?.stop();
    this.#state = 'closed';
    this.#bodies.clear();
  }

  #onOutcome({ lane, throttle }: ThrottledLane, frame: Frame, outcome: PublishOutcome): void {
    // It may have been dropped in the meantime, and is counted then.
    if (!lane.isInFlight(frame)) return;
    if (outcome === 'confirmed') {
      this.#watch.onSettled?.(lane, frame, 'confirmed');
      this.#backlog.confirm(lane, frame);
      throttle.confirmed();
      this.#dispatch.pump();
      return;
    }
    lane.giveBack(frame);
    if (outcome === 'lost') return;
    throttle.refused();
    if (outcome === 'returned') this.#publishChannel.topology.forget();
    const first = outcome === 'returned' ? lane.returns++ === 0 : lane.nacks++ === 0;
    if (first) warn(this, new LoghiveError('LOGHIVE_RECORDS_WAIT', refusal(lane, outcome)));
  }

  readonly #warnOfSpool = (fault: string) => warn(this, new LoghiveError('LOGHIVE_SPOOL_UNAVAILABLE', fault));

  #limitBodies(largestBody: number): void {
    for (const [lane, frame] of this.#backlog.limitBodies(largestBody))
      this.#watch.onSettled?.(lane, frame, 'tooLarge');
  }
}
