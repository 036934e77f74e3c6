/** All lanes of a publisher, one for each service and level that was ever logged. */
import { backoffMs, REFUSED } from '../backoff.js';
import type { Level } from '../level.js';
import type { Arrivals } from './arrivals.js';
import type { BodyPool } from './body-pool.js';
import type { Frame } from './frame.js';
import { Lane } from './lane.js';
import { Pace } from './pace.js';
import type { LaneStatus } from './status.js';

export interface PacedLane {
  readonly lane: Lane;
  readonly pace: Pace;
}

export interface LanesOptions {
  readonly recordsPerMessage: number;
  readonly bodies: BodyPool;
  readonly arrivals: Arrivals;
  /** Called when a lane may go on that was held back. */
  readonly resume: () => void;
  /** Called with the service of each new lane. */
  readonly onService: (service: string) => void;
}

export class Lanes implements Iterable<PacedLane> {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<string, PacedLane>();
  #last: PacedLane | undefined;
  #largestBody = Number.POSITIVE_INFINITY;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  [Symbol.iterator](): Iterator<PacedLane> {
    return this.#lanes.values();
  }

  /** The lane of a service and level; made where there is none yet. */
  of(service: string, level: Level): PacedLane {
    // One logger writes mostly one level many times over: the last lane is nearly always the next one.
    if (this.#last?.lane.service === service && this.#last.lane.level === level) return this.#last;
    const key = `${level} ${service}`;
    const lane = this.#lanes.get(key) ?? this.#open(service, level);
    this.#lanes.set(key, lane);
    this.#last = lane;
    return lane;
  }

  /** How many have something to send or on its way. */
  get busy(): number {
    let busy = 0;
    for (const { lane } of this.#lanes.values()) if (!lane.isEmpty) busy++;
    return busy;
  }

  /** Records that are kept in all of them. */
  get records(): number {
    let records = 0;
    for (const { lane } of this.#lanes.values()) records += lane.records;
    return records;
  }

  /** Resolves when everything that was accepted until now is confirmed or shed. */
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
    return [...this].map(({ lane, pace }) => ({
      service: lane.service,
      level: lane.level,
      waiting: lane.records,
      blocked: pace.isHeld,
      nacks: lane.nacks,
      returns: lane.returns,
    }));
  }

  /** The largest message that the broker takes, as far as it is known. */
  get largestBody(): number {
    return this.#largestBody;
  }

  /** See `Lane.limitBodies`. */
  *limitBodies(largestBody: number): Iterable<{ readonly lane: Lane; readonly dropped: readonly Frame[] }> {
    this.#largestBody = largestBody;
    for (const { lane } of this.#lanes.values()) yield { lane, dropped: lane.limitBodies(largestBody, Date.now()) };
  }

  #open(service: string, level: Level): PacedLane {
    const { recordsPerMessage, bodies, arrivals, resume, onService } = this.#options;
    const pace = new Pace((attempt) => backoffMs(attempt, REFUSED), resume);
    onService(service);
    const lane = new Lane(service, level, recordsPerMessage, bodies, arrivals);
    lane.limitBodies(this.#largestBody, Date.now());
    return { lane, pace };
  }
}
