/**
 * When frames go out, and in which order: lines linger for company, then lanes send in turn, a frame each, until as much
 * is on its way as keeps a broker busy. A lane whose confirms are slow to come cannot take all of that for itself: each
 * lane that has something to send may always have its fair share on its way.
 */
import type { Link } from '../amqp/link.js';
import type { Outcome, Outlet } from '../amqp/outlet.js';
import { FRAME_CONTENT_TYPE, RECORD_CONTENT_TYPE } from '../frame.js';
import type { PublisherConfig } from '../producer-config.js';
import { LOGS_EXCHANGE, logQueue, routingKey } from '../wire.js';
import type { Frame } from './frame.js';
import type { Lane } from './lane.js';
import type { Lanes, PacedLane } from './lanes.js';

/** Bytes on their way without a confirm: enough to keep a broker busy while it syncs to disk. */
export const WINDOW_BYTES = 4 * 1024 * 1024;

export class Dispatch {
  readonly #outlet: Outlet;
  readonly #lanes: Lanes;
  readonly #config: Pick<PublisherConfig, 'lingerMs' | 'queues'>;
  readonly #settled: (paced: PacedLane, frame: Frame, outcome: Outcome) => void;
  #linger: NodeJS.Timeout | undefined;
  #state: 'open' | 'stopped' = 'open';
  /** Publishing on it failed at once: nothing more goes there. */
  #spoilt: Link | undefined;
  #retries = 0;

  /** @param settled what became of a frame that was published; it has left no lane yet. */
  constructor(
    outlet: Outlet,
    lanes: Lanes,
    config: Pick<PublisherConfig, 'lingerMs' | 'queues'>,
    settled: (paced: PacedLane, frame: Frame, outcome: Outcome) => void,
  ) {
    this.#outlet = outlet;
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

  /** Sends what may be sent. */
  pump(): void {
    let sent = this.#state === 'open';
    while (sent) {
      sent = false;
      const share = WINDOW_BYTES / this.#lanes.busy;
      for (const paced of this.#lanes) {
        const { link, bytesInFlight } = this.#outlet;
        if (!link || link === this.#spoilt) return;
        const hasRoom = bytesInFlight < WINDOW_BYTES || paced.lane.bytesInFlight < share;
        if (hasRoom && this.#sendOne(paced, link)) sent = true;
      }
    }
  }

  /** Sends nothing more, for good. */
  stop(): void {
    clearTimeout(this.#linger);
    this.#state = 'stopped';
    for (const { pace } of this.#lanes) pace.stop();
  }

  #sendOne(paced: PacedLane, link: Link): boolean {
    const { lane, pace } = paced;
    // Open lines go when they have lingered; while the timer runs they wait for company.
    if (!lane.hasWaiting && this.#linger === undefined) lane.cut(Date.now());
    if (!lane.hasWaiting) return false;
    if (!pace.admits(link, lane.framesInFlight, () => this.#declare(lane, link))) return false;
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
    let outcome: Outcome | undefined;
    this.#outlet.publish(message, (settled) => {
      outcome = settled;
      this.#settled(paced, frame, settled);
    });
    if (outcome === 'lost') this.#leave(link);
    return true;
  }

  /**
   * amqplib threw although the connection looks open: the same frame would be tried on it, and fail, for ever. Nobody may
   * ever tell that this channel has ended, so that a new connection is asked for.
   */
  #leave(link: Link): void {
    this.#spoilt = link;
    this.#outlet.connection.renew('the channel for publishing does not take messages any more');
  }

  async #declare(lane: Lane, link: Link): Promise<void> {
    await this.#outlet.topology.ensure(
      link,
      logQueue(lane.service, lane.level, this.#config.queues, link.serverVersion),
    );
  }
}
