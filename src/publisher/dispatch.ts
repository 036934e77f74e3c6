/**
 * When frames are published, and in which order. Lines wait for `lingerMs`; then the lanes send in turn, one frame
 * each, until enough is in flight to keep the broker busy. A lane with slow confirms cannot use up that window: each
 * lane that has something to send always has its fair share of it.
 *
 * Publishing does not block the application's event loop: it works in short slices with pauses between them, and so
 * little is in flight that taking it all back after a lost connection is cheap.
 */
import type { OpenConnection } from '../amqp/open-connection.js';
import type { PublishChannel, PublishOutcome } from '../amqp/publish-channel.js';
import { FRAME_CONTENT_TYPE, RECORD_CONTENT_TYPE } from '../frame.js';
import type { PublisherConfig } from '../producer-config.js';
import { LOGS_EXCHANGE, logQueue, routingKey } from '../wire.js';
import type { Frame } from './frames.js';
import type { Lane } from './lane.js';
import type { Lanes, ThrottledLane } from './lanes.js';

/** Bytes in flight at most: enough to keep a broker busy while it syncs to disk. */
export const WINDOW_BYTES = 4 * 1024 * 1024;
/** Messages in flight at most. Messages with a single record are small. */
export const WINDOW_MESSAGES = 256;
/** Length of a slice of publishing, in milliseconds. */
const SLICE_MS = 0.5;
/**
 * From the start of one slice to the start of the next, in milliseconds: time for socket writes and garbage
 * collection.
 */
const SLICE_EVERY_MS = 2;

export class Dispatch {
  readonly #publishChannel: PublishChannel;
  readonly #lanes: Lanes;
  readonly #config: Pick<PublisherConfig, 'lingerMs' | 'queues' | 'bufferBytes'>;
  readonly #load: (lane: Lane) => Promise<boolean>;
  readonly #onOutcome: (throttled: ThrottledLane, frame: Frame, outcome: PublishOutcome) => void;
  /** Half of a small buffer at most: what is in flight cannot move to disk when the buffer is full. */
  readonly #windowBytes: number;
  #linger: NodeJS.Timeout | undefined;
  #state: 'open' | 'stopped' = 'open';
  /** Publishing on this connection failed synchronously; it is not used any more. */
  #broken: OpenConnection | undefined;
  #retries = 0;
  /** End of the current slice; undefined if the next one may begin. */
  #sliceEndsMs: number | undefined;
  #isPaused = false;

  /**
   * @param load reads the next frames of a lane from disk; resolves to whether there may be something to send.
   * @param onOutcome receives the outcome of each published frame, which is still in its lane then.
   */
  constructor(
    publishChannel: PublishChannel,
    lanes: Lanes,
    config: Pick<PublisherConfig, 'lingerMs' | 'queues' | 'bufferBytes'>,
    load: (lane: Lane) => Promise<boolean>,
    onOutcome: (throttled: ThrottledLane, frame: Frame, outcome: PublishOutcome) => void,
  ) {
    this.#publishChannel = publishChannel;
    this.#lanes = lanes;
    this.#config = config;
    this.#windowBytes = Math.min(WINDOW_BYTES, config.bufferBytes / 2);
    this.#load = load;
    this.#onOutcome = onOutcome;
  }

  /** Number of frames that were published again. */
  get retries(): number {
    return this.#retries;
  }

  /** Sends what was added, together with what is added within `lingerMs`. */
  soon(): void {
    this.#linger ??= setTimeout(() => this.now(), this.#config.lingerMs).unref();
  }

  /** Sends what was added without waiting for `lingerMs`. */
  now(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    this.pump();
  }

  /** Continues on a newly opened channel. */
  reopened(): void {
    this.#broken = undefined;
    this.pump();
  }

  /** Sends what may be sent: one slice now, the rest in the following ones. */
  pump(): void {
    let sent = this.#state === 'open' && !this.#isPaused;
    while (sent) {
      sent = false;
      // Looks at every lane, and is needed only while the window is full.
      let busy: number | undefined;
      for (const throttled of this.#lanes) {
        const connection = this.#publishChannel.openConnection;
        if (!connection || connection === this.#broken) return;
        if (!this.#isWindowOpen) {
          busy ??= this.#lanes.busy;
          if (!this.#hasShare(throttled.lane, busy)) continue;
        }
        if (this.#isSliceOver()) return;
        if (this.#sendOne(throttled, connection)) sent = true;
      }
    }
  }

  get #isWindowOpen(): boolean {
    const { bytesInFlight, messagesInFlight } = this.#publishChannel;
    return bytesInFlight < this.#windowBytes && messagesInFlight < WINDOW_MESSAGES;
  }

  /** Whether the lane has some of its fair share left. */
  #hasShare(lane: Lane, busy: number): boolean {
    return lane.bytesInFlight < this.#windowBytes / busy && lane.framesInFlight < WINDOW_MESSAGES / busy;
  }

  #isSliceOver(): boolean {
    const nowMs = performance.now();
    if (this.#sliceEndsMs === undefined) {
      this.#sliceEndsMs = nowMs + SLICE_MS;
      setTimeout(() => this.#nextSlice(), SLICE_EVERY_MS);
    }
    const isOver = nowMs >= this.#sliceEndsMs;
    if (isOver) this.#isPaused = true;
    return isOver;
  }

  #nextSlice(): void {
    this.#sliceEndsMs = undefined;
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.pump();
  }

  /** Stops sending. It cannot be started again. */
  stop(): void {
    clearTimeout(this.#linger);
    this.#state = 'stopped';
    for (const { throttle } of this.#lanes) throttle.stop();
  }

  #sendOne(throttled: ThrottledLane, connection: OpenConnection): boolean {
    const { lane, throttle } = throttled;
    // Open lines are sent once they have lingered. While the timer runs they wait for more.
    if (!lane.hasWaiting && !lane.mustLoad && this.#linger === undefined) lane.cut();
    if (!lane.hasWaiting && !lane.mustLoad) return false;
    if (!throttle.admits(connection, lane.framesInFlight, () => this.#declare(lane, connection))) return false;
    if (lane.mustLoad) {
      void this.#load(lane).then((hasMore) => hasMore && this.pump());
      return false;
    }
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
    this.#publishChannel.publish(message, (result) => {
      outcome = result;
      this.#onOutcome(throttled, frame, result);
    });
    if (outcome === 'lost') this.#leave(connection);
    return true;
  }

  /**
   * amqplib threw although the connection looks open. The same frame would be retried on it and fail forever, and the
   * channel may never report its close, so a new connection is requested.
   */
  #leave(connection: OpenConnection): void {
    this.#broken = connection;
    this.#publishChannel.connection.reconnect('the publishing channel accepts no more messages');
  }

  async #declare(lane: Lane, connection: OpenConnection): Promise<void> {
    await this.#publishChannel.topology.ensure(
      connection,
      logQueue(lane.service, lane.level, this.#config.queues, connection.serverVersion),
    );
  }
}
