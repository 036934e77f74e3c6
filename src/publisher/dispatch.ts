/**
 * When frames go out, and in which order: lines linger for company, then lanes send in turn, a frame each, until as much
 * is on its way as keeps a broker busy. A lane whose confirms are slow to come cannot take all of that for itself: each
 * lane that has something to send may always have its fair share on its way.
 *
 * The application's event loop is not held up by any of it: a moment of publishing is followed by a pause, and so little is
 * on its way at once that to take it all back, when a connection is lost, is no work either.
 */
import type { OpenConnection } from '../amqp/open-connection.js';
import type { PublishChannel, PublishOutcome } from '../amqp/publish-channel.js';
import { FRAME_CONTENT_TYPE, RECORD_CONTENT_TYPE } from '../frame.js';
import type { PublisherConfig } from '../producer-config.js';
import { LOGS_EXCHANGE, logQueue, routingKey } from '../wire.js';
import type { Frame } from './frames.js';
import type { Lane } from './lane.js';
import type { Lanes, ThrottledLane } from './lanes.js';

/** Bytes on their way without a confirm: enough to keep a broker busy while it syncs to disk. */
export const WINDOW_BYTES = 4 * 1024 * 1024;
/** The same of messages, which are small where each holds one record only. */
export const WINDOW_MESSAGES = 256;
/** For so long it publishes without a pause, in milliseconds. */
const SLICE_MS = 0.5;
/** From the beginning of a slice to that of the next one: in between what was published is written, and garbage collected. */
const SLICE_EVERY_MS = 2;

export class Dispatch {
  readonly #publishChannel: PublishChannel;
  readonly #lanes: Lanes;
  readonly #config: Pick<PublisherConfig, 'lingerMs' | 'queues'>;
  readonly #settled: (throttled: ThrottledLane, frame: Frame, outcome: PublishOutcome) => void;
  #linger: NodeJS.Timeout | undefined;
  #state: 'open' | 'stopped' = 'open';
  /** Publishing on it failed at once: nothing more goes there. */
  #spoilt: OpenConnection | undefined;
  #retries = 0;
  /** When enough was published for now; undefined where the next slice may begin. */
  #sliceEndsMs: number | undefined;
  #goesOn = false;

  /** @param settled what became of a frame that was published; it has left no lane yet. */
  constructor(
    publishChannel: PublishChannel,
    lanes: Lanes,
    config: Pick<PublisherConfig, 'lingerMs' | 'queues'>,
    settled: (throttled: ThrottledLane, frame: Frame, outcome: PublishOutcome) => void,
  ) {
    this.#publishChannel = publishChannel;
    this.#lanes = lanes;
    this.#config = config;
    this.#settled = settled;
  }

  /** Frames that were published again. */
  get retries(): number {
    return this.#retries;
  }

  /** Sends what was added, with what comes within `lingerMs`. */
  soon(): void {
    this.#linger ??= setTimeout(() => this.now(), this.#config.lingerMs).unref();
  }

  /** Sends what was added without waiting for company. */
  now(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    this.pump();
  }

  /** Goes on with a channel that was just opened. */
  reopened(): void {
    this.#spoilt = undefined;
    this.pump();
  }

  /** Sends what may be sent: a slice of it now, the rest in the next ones. */
  pump(): void {
    let sent = this.#state === 'open' && !this.#goesOn;
    while (sent) {
      sent = false;
      const { busy } = this.#lanes;
      for (const throttled of this.#lanes) {
        const connection = this.#publishChannel.openConnection;
        if (!connection || connection === this.#spoilt) return;
        if (!this.#hasRoom(throttled.lane, busy)) continue;
        if (this.#isSliceOver()) return;
        if (this.#sendOne(throttled, connection)) sent = true;
      }
    }
  }

  #hasRoom(lane: Lane, busy: number): boolean {
    const { bytesInFlight, messagesInFlight } = this.#publishChannel;
    if (bytesInFlight < WINDOW_BYTES && messagesInFlight < WINDOW_MESSAGES) return true;
    return lane.bytesInFlight < WINDOW_BYTES / busy && lane.framesInFlight < WINDOW_MESSAGES / busy;
  }

  #isSliceOver(): boolean {
    const nowMs = performance.now();
    if (this.#sliceEndsMs === undefined) {
      this.#sliceEndsMs = nowMs + SLICE_MS;
      setTimeout(() => this.#nextSlice(), SLICE_EVERY_MS);
    }
    const isOver = nowMs >= this.#sliceEndsMs;
    if (isOver) this.#goesOn = true;
    return isOver;
  }

  #nextSlice(): void {
    this.#sliceEndsMs = undefined;
    if (!this.#goesOn) return;
    this.#goesOn = false;
    this.pump();
  }

  /** Sends nothing more, for good. */
  stop(): void {
    clearTimeout(this.#linger);
    this.#state = 'stopped';
    for (const { throttle } of this.#lanes) throttle.stop();
  }

  #sendOne(throttled: ThrottledLane, connection: OpenConnection): boolean {
    const { lane, throttle } = throttled;
    // Open lines go when they have lingered; while the timer runs they wait for company.
    if (!lane.hasWaiting && this.#linger === undefined) lane.cut(Date.now());
    if (!lane.hasWaiting) return false;
    if (!throttle.admits(connection, lane.framesInFlight, () => this.#declare(lane, connection))) return false;
    const frame = lane.take()!;
    if (frame.attempts > 0) this.#retries++;
    const properties = {
      contentType: frame.records === 1 ? RECORD_CONTENT_TYPE : FRAME_CONTENT_TYPE,
      timestamp: frame.madeAtS,
    };
    const message = {
      exchange: LOGS_EXCHANGE,
      routingKey: routingKey(lane.service, lane.level),
      body: frame.body,
      properties,
    };
    let outcome: PublishOutcome | undefined;
    this.#publishChannel.publish(message, (settled) => {
      outcome = settled;
      this.#settled(throttled, frame, settled);
    });
    if (outcome === 'lost') this.#leave(connection);
    return true;
  }

  /**
   * amqplib threw although the connection looks open: the same frame would be tried on it, and fail, for ever. Nobody may
   * ever tell that this channel has ended, so that a new connection is asked for.
   */
  #leave(connection: OpenConnection): void {
    this.#spoilt = connection;
    this.#publishChannel.connection.reconnect('the channel for publishing does not take messages any more');
  }

  async #declare(lane: Lane, connection: OpenConnection): Promise<void> {
    await this.#publishChannel.topology.ensure(
      connection,
      logQueue(lane.service, lane.level, this.#config.queues, connection.serverVersion),
    );
  }
}
