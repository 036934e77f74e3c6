/**
 * Takes encoded lines and gets them confirmed by the broker. Knows no logger.
 *
 * Where is a record, if the process died right here? In a lane (open lines, waiting or in flight) until its frame's
 * confirm, and only a confirm takes it out. A nack, a return, a closed channel or connection put it back.
 */
import { EventEmitter } from 'node:events';
import { messageLimit } from '../amqp/broker-reply.js';
import { PublishChannel, type PublishOutcome } from '../amqp/publish-channel.js';
import { emitSafely } from '../emit-safely.js';
import { LoghiveError } from '../errors.js';
import type { Level } from '../level.js';
import type { PublisherConfig } from '../producer-config.js';
import { Announcer } from './announcer.js';
import { Backlog } from './backlog.js';
import { Dispatch, WINDOW_BYTES } from './dispatch.js';
import type { NotAccepted } from './drop-counter.js';
import { DropCounter } from './drop-counter.js';
import { Flushes, type FlushOptions, TimedFlush } from './flushes.js';
import type { Frame } from './frames.js';
import { Account, ArrivalOrder, BodyPool } from './frames.js';
import type { LaneLeftover, LaneOutcome } from './handover.js';
import { FRAME_BYTES } from './lane.js';
import { Lanes, type ThrottledLane } from './lanes.js';
import type { CloseResult, PublisherStats, PublisherStatus } from './status.js';
import { logReconnects, lossWarner, type PublisherEvents, refusal, type Watch, warn } from './status.js';

export class Publisher {
  readonly events = new EventEmitter<PublisherEvents>();
  readonly config: PublisherConfig;
  readonly #publishChannel: PublishChannel;
  readonly #bodies = new BodyPool(FRAME_BYTES, WINDOW_BYTES);
  readonly #lanes: Lanes;
  readonly #dispatch: Dispatch;
  readonly #announcer: Announcer;
  /** It may outlive the publisher. */
  readonly #drops = new DropCounter(lossWarner(this.events));
  readonly #watch: Watch;
  #state: 'open' | 'closed' = 'open';
  /** Sends each record before the call returns: in the last moment of the process. */
  #atOnce: (() => void) | undefined;
  #closing: Promise<CloseResult> | undefined;
  readonly #backlog: Backlog;
  readonly #nobody = new Account();
  readonly notAccepted: NotAccepted = this.#drops.notAccepted;
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
      said: async () => this.#announcer.hasSaid || this.#announcer.said(),
    },
    this.#timedFlush,
  );

  constructor(config: PublisherConfig, watch: Watch = {}) {
    this.config = config;
    this.#watch = watch;
    // Every door of the application may listen.
    this.events.setMaxListeners(0);
    this.#publishChannel = new PublishChannel(config.broker, `loghive producer ${process.pid}`, false);
    this.#lanes = new Lanes({
      recordsPerMessage: config.recordsPerMessage,
      bodies: this.#bodies,
      arrivalOrder: new ArrivalOrder(config.bufferBytes / 16),
      resume: () => this.#dispatch.pump(),
      onService: (service) => this.#announcer.add(service),
    });
    this.#backlog = new Backlog(this.#lanes, this.#drops, config.bufferBytes);
    this.#dispatch = new Dispatch(this.#publishChannel, this.#lanes, config, (throttled, frame, outcome) =>
      this.#settled(throttled, frame, outcome),
    );
    const { events } = this.#publishChannel;
    events.on('open', (_link, isNewConnection) => {
      // It may be another broker, or have another limit now.
      if (isNewConnection) this.#limitBodies(Number.POSITIVE_INFINITY);
      if (isNewConnection) emitSafely(this.events, 'connect');
      this.#dispatch.reopened();
    });
    events.on('unblocked', () => this.#dispatch.pump());
    events.on('lost', (error) => emitSafely(this.events, 'disconnect', error));
    logReconnects(this.#publishChannel, () => this.stats().pending);
    events.on('channelClosed', (error) => {
      for (const { throttle } of this.#lanes) throttle.redeclare();
      // Otherwise a server with a smaller limit would refuse the same frame for ever. Frames of the closed channel are given
      // back in this turn of the event loop.
      const largestBody = messageLimit(error.message);
      if (largestBody !== undefined) setImmediate(() => this.#limitBodies(largestBody));
    });
    events.on('warning', (error) => warn(this.events, error));
    this.#announcer = new Announcer(this.#publishChannel, (error) => warn(this.events, error));
    this.#publishChannel.connection.open();
  }

  /** A door sends records of this service, sooner or later: consumers may look for it. */
  announce(service: string): void {
    if (this.#state === 'open') this.#announcer.add(service);
  }

  /**
   * Takes one record. Returns at once. Throws only where the record was neither taken nor counted, because the stack of
   * the caller is full: count it in `notAccepted` then.
   *
   * @param line the record as one line of JSON.
   * @param account whose record it is.
   */
  accept(service: string, level: Level, line: string, account: Account = this.#nobody): void {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#state === 'closed') {
      this.#drops.count({ service, level }, 'logged after close', 1);
      this.#watch.onLate?.(this.#drops);
      return;
    }
    this.#publishChannel.connection.open();
    this.#drops.tellNotTaken();
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
    this.#atOnce?.();
  }

  /**
   * Resolves when everything that was accepted before is confirmed (or was dropped, which is counted). Waiting for this does
   * not keep the process running.
   */
  flush(): Promise<void> {
    return this.#flushes.flush();
  }

  /** The same for somebody who waits for it: until then the process does not end by itself. */
  awaitFlush(options?: FlushOptions): Promise<void> {
    return this.#flushes.awaitFlush(options);
  }

  /** Sends what was added without waiting for company. */
  hurry(): void {
    this.#dispatch.now();
  }

  /**
   * Flushes for at most `timeoutMs`, then closes the connection. Never rejects; what could not be sent is counted as dropped
   * and told. Every call gets the same result.
   */
  close(timeoutMs: number = this.config.exitTimeoutMs): Promise<CloseResult> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  get isIdle(): boolean {
    return this.#lanes.records === 0;
  }

  stats(): PublisherStats {
    return { ...this.#backlog.counts(), retries: this.#dispatch.retries };
  }

  status(): PublisherStatus {
    return { connection: this.#publishChannel.connection.status(), lanes: this.#lanes.statuses() };
  }

  /**
   * Flushes for at most `timeoutMs`, what is logged meanwhile included. Nothing is given up.
   *
   * @param account whose records are waited for; left out: all of them.
   * @returns whether there was a moment at which nothing was left.
   */
  flushWithin(timeoutMs: number, account?: Account): Promise<boolean> {
    this.#publishChannel.connection.open();
    return this.#timedFlush.within(timeoutMs, account && (() => account.pending === 0));
  }

  /**
   * At the end of the script: what cannot be flushed in time is given up. The process may go on all the same, and log again:
   * that is flushed at the next end.
   */
  async flushOrGiveUp(): Promise<void> {
    const wasIdle = await this.flushWithin(this.config.exitTimeoutMs);
    if (!wasIdle) this.#backlog.giveUpTheRest('unsent at exit', !this.isBrokerAway);
  }

  /** Ends the waiting of every flush that has a time limit. */
  cutWaiting(): void {
    this.#timedFlush.cut();
  }

  /** Closes the connection in order until there is something to send again. */
  async rest(): Promise<void> {
    await this.#announcer.hurry();
    await this.#publishChannel.connection.close();
    if (!this.isIdle) this.#publishChannel.connection.open();
  }

  /** The last attempt to connect has failed. */
  get isBrokerAway(): boolean {
    return this.#publishChannel.connection.isUnreachable;
  }

  /** Whether another thread could do something for it: records that are not confirmed, or that nobody would find. */
  get hasLeftover(): boolean {
    return !this.isIdle || (this.#backlog.confirmed > 0 && !this.#announcer.hasSaid);
  }

  /** Takes everything out that is not confirmed, so that another thread sends it; `takeBack()` says what became of it. */
  handOver(): { lanes: LaneLeftover[]; services: string[] } {
    return { lanes: this.#backlog.handOver(), services: this.#announcer.unsaid };
  }

  /** @param inVain the other thread has given up before its time was over. */
  takeBack(outcomes: Iterable<LaneOutcome>, inVain: boolean): void {
    this.#backlog.takeBack(outcomes, !inVain);
  }

  /**
   * Takes over what another thread had to hand over.
   *
   * @returns the lane that it is in now, and the sequence of its first frame there.
   */
  adopt(service: string, level: Level, frames: Iterable<Pick<Frame, 'body' | 'records' | 'madeAtS'>>) {
    this.#publishChannel.connection.open();
    return this.#backlog.adopt(this.#lanes.of(service, level).lane, frames);
  }

  /** From now on each record is sent before its call returns. */
  sendAtOnce(send: (() => void) | undefined): void {
    if (send) this.#drops.tellAtTheVeryEnd();
    this.#atOnce = send;
  }

  /** In the last listener of the process: nothing can be sent any more. What is left is counted and told. */
  abandon(): void {
    this.#drops.hold();
    this.#stop();
    this.#backlog.giveUpTheRest('unsent at exit', !this.isBrokerAway);
    this.#drops.tellAtTheVeryEnd();
  }

  async #close(timeoutMs: number): Promise<CloseResult> {
    await this.flushWithin(timeoutMs);
    this.#drops.hold();
    this.#stop();
    const unsent = this.#backlog.giveUpTheRest('unsent at close', !this.isBrokerAway);
    await this.#announcer.hurry();
    await this.#publishChannel.connection.close();
    this.#drops.tell();
    return { confirmed: this.#backlog.confirmed, unsent };
  }

  #stop(): void {
    this.#dispatch.stop();
    this.#announcer.stop();
    this.#state = 'closed';
    this.#bodies.clear();
  }

  #settled({ lane, throttle }: ThrottledLane, frame: Frame, outcome: PublishOutcome): void {
    // What was given up meanwhile is counted already.
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
    if (first) warn(this.events, new LoghiveError('LOGHIVE_RECORDS_WAIT', refusal(lane, outcome)));
  }

  #limitBodies(largestBody: number): void {
    for (const [lane, frame] of this.#backlog.limitBodies(largestBody))
      this.#watch.onSettled?.(lane, frame, 'tooLarge');
  }
}
