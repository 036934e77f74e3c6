/**
 * Takes encoded lines and gets them confirmed by the broker. Knows no logger.
 *
 * Where is a record, if the process died right here? In a lane (open lines, waiting or in flight) until its frame's
 * confirm, and only a confirm takes it out. A nack, a return, a closed channel or connection put it back.
 */
import { EventEmitter } from 'node:events';
import { type Outcome, Outlet } from '../amqp/outlet.js';
import { emitSafely } from '../emit-safely.js';
import { LoghiveError, reasonOf } from '../errors.js';
import { internalLogger } from '../internal-logger.js';
import type { Level } from '../level.js';
import type { PublisherConfig } from '../producer-config.js';
import { counted } from '../sentence.js';
import { within } from '../time/time-limit.js';
import { Announcer } from './announcer.js';
import { BodyPool } from './body-pool.js';
import { Dispatch, WINDOW_BYTES } from './dispatch.js';
import { lossWarner, type PublisherEvents, warn } from './events.js';
import type { Frame } from './frame.js';
import { FRAME_BYTES, type Lane } from './lane.js';
import { Lanes, type PacedLane } from './lanes.js';
import { messageLimit, refusal } from './refusal.js';
import { chooseVictim, ShedLedger, type ShedReason } from './shed.js';
import type { CloseResult, PublisherStats, PublisherStatus } from './status.js';
import { TimedFlush } from './timed-flush.js';

/** How long a flush waits for the broker's answer to an announcement, once all records are confirmed. */
const ANNOUNCEMENT_MS = 1000;

/** A record at which `accept` threw, and the ones before it. */
export interface Untaken {
  readonly service: string;
  readonly level: Level;
  readonly error: unknown;
  readonly before: Untaken | undefined;
}

export class Publisher {
  readonly events = new EventEmitter<PublisherEvents>();
  readonly config: PublisherConfig;
  readonly #outlet: Outlet;
  readonly #bodies = new BodyPool(FRAME_BYTES, WINDOW_BYTES);
  readonly #lanes: Lanes;
  readonly #dispatch: Dispatch;
  readonly #announcer: Announcer;
  /** It may outlive the publisher. */
  readonly #shed = new ShedLedger(lossWarner(this.events));
  readonly #onLate: (shed: ShedLedger) => void;
  #state: 'open' | 'closed' = 'open';
  #closing: Promise<CloseResult> | undefined;
  /** The outlet has told that the broker is away, so that its return is news. */
  #toldAway = false;
  #bytes = 0;
  #confirmed = 0;
  #flushed: { readonly accepted: number; readonly all: Promise<void> } | undefined;
  /** A list to which whoever has no stack left can still add, without a call. */
  untaken: Untaken | undefined;
  readonly #timedFlush = new TimedFlush({
    flush: () => this.flush(),
    isIdle: () => this.isIdle,
    settled: () => this.#confirmed + this.#shed.total,
  });

  /** @param onLate called for each record that is logged after close: somebody has to see that it is told. */
  constructor(config: PublisherConfig, onLate: (shed: ShedLedger) => void = () => {}) {
    this.config = config;
    this.#onLate = onLate;
    // Every door of the application may listen.
    this.events.setMaxListeners(0);
    this.#outlet = new Outlet(config.broker, `loghive producer ${process.pid}`, false);
    this.#lanes = new Lanes({
      recordsPerMessage: config.recordsPerMessage,
      bodies: this.#bodies,
      resume: () => this.#dispatch.pump(),
      onService: (service) => this.#announcer.add(service),
    });
    this.#dispatch = new Dispatch(this.#outlet, this.#lanes, config, (paced, frame, outcome) =>
      this.#settled(paced, frame, outcome),
    );
    const { events } = this.#outlet;
    events.on('open', ({ host, serverProduct }, afresh) => {
      // It may be another broker, or have another limit now.
      if (afresh) this.#limitBodies(Number.POSITIVE_INFINITY);
      if (afresh) this.#connected(serverProduct, `${host.hostname}:${host.port}`);
      this.#dispatch.reopened();
    });
    events.on('unblocked', () => this.#dispatch.pump());
    events.on('lost', (error) => {
      this.#toldAway = true;
      emitSafely(this.events, 'disconnect', error);
    });
    this.#outlet.connection.events.on('failed', () => {
      this.#toldAway = true;
    });
    events.on('channelClosed', (error) => {
      for (const { pace } of this.#lanes) pace.redeclare();
      this.#heedLimit(messageLimit(error.message));
    });
    events.on('warning', (error) => this.#warn(error));
    this.#announcer = new Announcer(this.#outlet, (error) => this.#warn(error));
    this.#outlet.connection.open();
  }

  /** A door sends records of this service, sooner or later: consumers may look for it. */
  announce(service: string): void {
    if (this.#state === 'open') this.#announcer.add(service);
  }

  /**
   * Takes one record. Returns at once. Throws only where the record was neither taken nor counted, because the stack of
   * the caller is full: put it in front of `untaken` then.
   *
   * @param line the record as one line of JSON.
   */
  accept(service: string, level: Level, line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#state === 'closed') {
      this.#shed.count({ service, level }, 'logged after close', 1);
      this.#onLate(this.#shed);
      return;
    }
    this.#outlet.connection.open();
    const tooLarge = bytes - 1 > this.#lanes.largestBody;
    if (tooLarge || !this.#makeRoom(level, bytes)) {
      this.#shed.count({ service, level }, tooLarge ? 'larger than the broker allows' : 'buffer full', 1);
      return;
    }
    const { lane } = this.#lanes.of(service, level);
    const before = lane.bytes;
    try {
      lane.add(line, bytes, Date.now());
      this.#dispatch.soon();
    } catch (error) {
      if (lane.bytes === before) throw error;
    }
    this.#bytes += lane.bytes - before;
  }

  /** Counts what `accept` threw at, once there is room on the stack again. */
  countUntaken(): void {
    let each = this.untaken;
    this.untaken = undefined;
    if (each) internalLogger.error(`a record could not be taken, and is lost: ${reasonOf(each.error)}`);
    if (each && this.#state === 'closed') this.#onLate(this.#shed);
    for (; each; each = each.before) this.#shed.count(each, 'not taken', 1);
  }

  /**
   * Resolves when everything that was accepted before is confirmed (or was shed, which is counted). It does not keep the
   * process running by itself: a script that has nothing else left to do is flushed by the exit hooks.
   */
  flush(): Promise<void> {
    const { accepted } = this.stats();
    // While the broker is away somebody may ask again and again.
    if (this.#flushed?.accepted !== accepted) this.#flushed = { accepted, all: this.#flushAll() };
    this.#dispatch.now();
    return this.#flushed.all;
  }

  /** Nobody finds records of a service that was never announced, where the process ends right after this. */
  async #flushAll(): Promise<void> {
    await this.#lanes.settled();
    if (!this.#announcer.hasSaid) await within(ANNOUNCEMENT_MS, this.#announcer.said());
  }

  /**
   * Flushes for at most `timeoutMs`, then closes the connection. Never rejects; what could not be sent is counted as shed
   * and told. Every call gets the same result.
   *
   * @param tells false where `abandon()` follows, which tells it with what comes meanwhile.
   */
  close(timeoutMs: number = this.config.exitTimeoutMs, tells = true): Promise<CloseResult> {
    this.#closing ??= this.#close(timeoutMs, tells);
    return this.#closing;
  }

  get isIdle(): boolean {
    return this.#lanes.records === 0;
  }

  stats(): PublisherStats {
    this.countUntaken();
    const pending = this.#lanes.records;
    return {
      accepted: this.#confirmed + pending + this.#shed.total,
      confirmed: this.#confirmed,
      pending,
      pendingBytes: this.#bytes,
      shed: this.#shed.counts(),
      retries: this.#dispatch.retries,
    };
  }

  status(): PublisherStatus {
    return {
      connection: this.#outlet.connection.status(),
      lanes: [...this.#lanes].map(({ lane, pace }) => ({
        service: lane.service,
        level: lane.level,
        waiting: lane.records,
        blocked: pace.isHeld,
        nacks: lane.nacks,
        returns: lane.returns,
      })),
    };
  }

  /**
   * Flushes for at most `timeoutMs`, what is logged meanwhile included. Nothing is given up.
   *
   * @returns whether there was a moment at which nothing was left.
   */
  flushWithin(timeoutMs: number): Promise<boolean> {
    this.#outlet.connection.open();
    this.#outlet.connection.hurry();
    return this.#timedFlush.within(timeoutMs);
  }

  /**
   * At the end of the script: what cannot be flushed in time will never be. Whoever awaited a flush goes on now, and may have
   * logged again: that is flushed at the next end.
   */
  async flushOrGiveUp(): Promise<void> {
    const wasIdle = await this.flushWithin(this.config.exitTimeoutMs);
    if (!wasIdle && !this.isIdle) await this.close(0);
  }

  /** Ends the waiting of every flush that has a time limit. */
  cutWaiting(): void {
    this.#timedFlush.cut();
  }

  /** Closes the connection in order until there is something to send again. */
  async rest(): Promise<void> {
    await this.#announcer.hurry();
    await this.#outlet.connection.close();
    if (!this.isIdle) this.#outlet.connection.open();
  }

  /** In the last listener of the process: nothing can be sent any more. What is left is counted and told. */
  abandon(): void {
    this.#shed.hold();
    this.#giveUpTheRest('unsent at exit');
    this.#shed.tellAtTheVeryEnd();
  }

  async #close(timeoutMs: number, tells: boolean): Promise<CloseResult> {
    await this.flushWithin(timeoutMs);
    this.#shed.hold();
    const unsent = this.#giveUpTheRest('unsent at close');
    await this.#announcer.hurry();
    await this.#outlet.connection.close();
    if (tells) this.#shed.tell();
    return { confirmed: this.#confirmed, unsent };
  }

  #giveUpTheRest(reason: ShedReason): number {
    this.#dispatch.stop();
    this.#announcer.stop();
    this.countUntaken();
    this.#state = 'closed';
    let unsent = 0;
    for (const { lane } of this.#lanes) {
      unsent += lane.records;
      this.#shed.count(lane, reason, lane.records);
      lane.clear();
    }
    this.#bodies.clear();
    this.#bytes = 0;
    return unsent;
  }

  /** Sheds what is lower or older until `bytes` more fit. False when the incoming record is the one to go. */
  #makeRoom(level: Level, bytes: number): boolean {
    if (bytes > this.config.bufferBytes) return false;
    while (this.#bytes + bytes > this.config.bufferBytes) {
      const victim = chooseVictim(this.#allLanes(), level);
      const frame = victim?.dropOldest(Date.now());
      if (!victim || !frame) return false;
      this.#bytes -= frame.bytes;
      this.#shed.count(victim, 'buffer full', frame.records);
    }
    return true;
  }

  *#allLanes(): Iterable<Lane> {
    for (const { lane } of this.#lanes) yield lane;
  }

  #settled({ lane, pace }: PacedLane, frame: Frame, outcome: Outcome): void {
    if (this.#state === 'closed') return;
    if (outcome === 'confirmed') {
      lane.confirmed(frame);
      pace.confirmed();
      this.#bytes -= frame.bytes;
      this.#confirmed += frame.records;
      this.#dispatch.pump();
      return;
    }
    lane.giveBack(frame);
    if (outcome === 'lost') return;
    pace.refused();
    if (outcome === 'returned') this.#outlet.topology.forget();
    const first = outcome === 'returned' ? lane.returns++ === 0 : lane.nacks++ === 0;
    if (first) this.#warn(new LoghiveError('LOGHIVE_RECORDS_WAIT', refusal(lane, outcome)));
  }

  #connected(product: string, host: string): void {
    if (this.#toldAway) {
      const { pending } = this.stats();
      const sent = pending === 0 ? '' : `; ${counted(pending, 'waiting record is', 'waiting records are')} sent`;
      internalLogger.info(`connected to ${product} again${sent} (${host})`);
    }
    this.#toldAway = false;
    emitSafely(this.events, 'connect');
  }

  /** A server with a smaller message limit would refuse the same frame for ever, and its lane would stand still. */
  #heedLimit(largestBody: number | undefined): void {
    // The frames of the closed channel are given back in this turn of the event loop.
    if (largestBody !== undefined) setImmediate(() => this.#limitBodies(largestBody));
  }

  #limitBodies(largestBody: number): void {
    for (const { lane, dropped } of this.#lanes.limitBodies(largestBody)) {
      for (const frame of dropped) {
        this.#bytes -= frame.bytes;
        this.#shed.count(lane, 'larger than the broker allows', frame.records);
      }
    }
  }

  #warn(error: LoghiveError): void {
    warn(this.events, error);
  }
}
