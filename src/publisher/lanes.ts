/** All lanes of a publisher: one for each service and level logged so far. */

import type { OpenConnection } from '../amqp/open-connection.js';
import { backoffMs, REFUSED } from '../backoff.js';
import type { Level } from '../level.js';
import type { ArrivalOrder, BodyPool, Frame } from './frames.js';
import { Lane } from './lane.js';
import type { LaneSpool } from './spool/lane-spool.js';
import type { Segment } from './spool/segment.js';
import type { Spool } from './spool/spool.js';
import type { LaneStatus } from './status.js';

export interface ThrottledLane {
  readonly lane: Lane;
  readonly throttle: LaneThrottle;
}

export interface LanesOptions {
  readonly recordsPerMessage: number;
  readonly bodies: BodyPool;
  readonly arrivalOrder: ArrivalOrder;
  readonly spool?: Spool | undefined;
  /** Called when a lane that was held back may continue. */
  readonly resume: () => void;
  /** Called with the service of each new lane. */
  readonly onService: (service: string) => void;
}

export class Lanes implements Iterable<ThrottledLane> {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<string, ThrottledLane>();
  /** Lanes for the records of earlier processes. They take turns with the others. */
  readonly #replays = new Map<string, ThrottledLane & { readonly spool: LaneSpool }>();
  #last: ThrottledLane | undefined;
  #largestBody = Number.POSITIVE_INFINITY;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  *[Symbol.iterator](): Iterator<ThrottledLane> {
    yield* this.#lanes.values();
    yield* this.#replays.values();
  }

  /** The lane of a service and level, created on first use. */
  of(service: string, level: Level): ThrottledLane {
    // A logger mostly writes one level many times in a row, so the last lane is nearly always the next one.
    if (this.#last?.lane.service === service && this.#last.lane.level === level) return this.#last;
    const key = `${level} ${service}`;
    const lane = this.#lanes.get(key) ?? this.#open(service, level, this.#options.spool?.lane(service, level));
    this.#lanes.set(key, lane);
    this.#last = lane;
    return lane;
  }

  /** Adds a segment of an earlier process. */
  replay(service: string, level: Level, segment: Segment): void {
    const key = `${level} ${service}`;
    let replay = this.#replays.get(key);
    if (!replay) {
      const spool = this.#options.spool!.lane(service, level);
      replay = { ...this.#open(service, level, spool), spool };
      this.#replays.set(key, replay);
    }
    replay.spool.adopt(segment);
  }

  /** Number of lanes that have something to send or in flight. */
  get busy(): number {
    let busy = 0;
    for (const { lane } of this) if (!lane.isEmpty || lane.mustLoad) busy++;
    return busy;
  }

  /** Records of all lanes in memory. */
  get records(): number {
    let records = 0;
    for (const { lane } of this) records += lane.records;
    return records;
  }

  /** The same without those of earlier processes. */
  get ownRecords(): number {
    let records = 0;
    for (const { lane } of this.#lanes.values()) records += lane.records;
    return records;
  }

  /** Accepted records of all lanes that are only on disk. */
  get spooled(): number {
    let records = 0;
    for (const { lane } of this) records += lane.spooled;
    return records;
  }

  /** The lanes without those for the records of earlier processes. */
  own(): Iterable<ThrottledLane> {
    return this.#lanes.values();
  }

  /** The lanes for the records of earlier processes. */
  replays(): Iterable<ThrottledLane> {
    return this.#replays.values();
  }

  /** Resolves when everything accepted until now is confirmed or dropped. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      let left = 1;
      const done = () => {
        left--;
        if (left === 0) resolve();
      };
      for (const { lane } of this.#lanes.values()) if (lane.watch(done)) left++;
      done();
    });
  }

  statuses(): LaneStatus[] {
    return [...this].map(({ lane, throttle }) => ({
      service: lane.service,
      level: lane.level,
      waiting: lane.records + lane.spooled,
      blocked: throttle.isHeld,
      nacks: lane.nacks,
      returns: lane.returns,
    }));
  }

  /** Largest message that the broker accepts, in bytes, as far as is known. */
  get largestBody(): number {
    return this.#largestBody;
  }

  /** See `Lane.limitBodies`. */
  *limitBodies(largestBody: number): Iterable<{ readonly lane: Lane; readonly dropped: readonly Frame[] }> {
    this.#largestBody = largestBody;
    for (const { lane } of this) yield { lane, dropped: lane.limitBodies(largestBody) };
  }

  #open(service: string, level: Level, spool: LaneSpool | undefined): ThrottledLane {
    const { recordsPerMessage, bodies, arrivalOrder, resume, onService } = this.#options;
    const throttle = new LaneThrottle((attempt) => backoffMs(attempt, REFUSED), resume);
    onService(service);
    const spoolsAlways = this.#options.spool?.config.mode === 'always';
    const lane = new Lane({
      service,
      level,
      recordsPerMessage,
      bodies,
      arrivalOrder,
      spool,
      spoolsAlways,
    });
    lane.limitBodies(this.#largestBody);
    return { lane, throttle };
  }
}

// How fast one lane may publish. A full queue refuses everything in flight, so after a refusal one frame goes at a
// time, and the number doubles with each confirm.
//
//   undeclared ─▶ declaring ─▶ open ──── refused ───▶ held ── delay over ─▶ open, one frame at a time
//        ▲                                                                        │
//        └───────────────────── another connection, or returned ──────────────────┘

type State =
  | { readonly name: 'undeclared' }
  | { readonly name: 'declaring'; readonly connection: OpenConnection }
  | { readonly name: 'open'; readonly connection: OpenConnection }
  | { readonly name: 'held'; readonly timer: NodeJS.Timeout };

export class LaneThrottle {
  readonly #delayMs: (attempt: number) => number;
  readonly #resume: () => void;
  #state: State = { name: 'undeclared' };
  #refusals = 0;
  #allowance = Number.POSITIVE_INFINITY;

  /** @param resume called when the lane may continue. */
  constructor(delayMs: (attempt: number) => number, resume: () => void) {
    this.#delayMs = delayMs;
    this.#resume = resume;
  }

  get isHeld(): boolean {
    return this.#state.name === 'held';
  }

  /**
   * Whether a frame may go now. Starts to declare the queue if that was not done on this connection.
   *
   * @param declare makes sure that the queue exists; rejects if the broker did not answer.
   */
  admits(connection: OpenConnection, framesInFlight: number, declare: () => Promise<void>): boolean {
    const state = this.#state;
    if (state.name === 'held') return false;
    if (state.name === 'open' && state.connection === connection) return framesInFlight < this.#allowance;
    if (state.name === 'declaring' && state.connection === connection) return false;
    this.#declare(connection, declare);
    return false;
  }

  confirmed(): void {
    this.#refusals = 0;
    this.#allowance *= 2;
  }

  /** The broker nacked or returned a frame of the lane. */
  refused(): void {
    this.#allowance = 1;
    if (this.#state.name !== 'held') this.#hold();
  }

  /** The queue may have been deleted: declares it again before the next frame. */
  redeclare(): void {
    if (this.#state.name === 'open') this.#state = { name: 'undeclared' };
  }

  stop(): void {
    if (this.#state.name === 'held') clearTimeout(this.#state.timer);
    this.#state = { name: 'undeclared' };
  }

  #hold(): void {
    this.#refusals++;
    const timer = setTimeout(() => {
      // Declared again: the refusal may mean that the queue was deleted.
      this.#state = { name: 'undeclared' };
      this.#resume();
    }, this.#delayMs(this.#refusals)).unref();
    this.#state = { name: 'held', timer };
  }

  #declare(connection: OpenConnection, declare: () => Promise<void>): void {
    const declaring: State = { name: 'declaring', connection };
    this.#state = declaring;
    declare().then(
      () => {
        if (this.#state !== declaring) return;
        this.#state = { name: 'open', connection };
        this.#resume();
      },
      () => {
        // The connection was lost (and reports that itself), or the broker did not answer: retried after a delay.
        if (this.#state === declaring) this.#hold();
      },
    );
  }
}
