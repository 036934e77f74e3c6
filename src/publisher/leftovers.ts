/**
 * What a publisher has not sent at the end of the process: handed over to another thread, which sends it, or abandoned.
 */
import type { Connection } from '../amqp/connection.js';
import { LoghiveError } from '../errors.js';
import type { Level } from '../level.js';
import type { Announcer } from './announcer.js';
import type { Backlog } from './backlog.js';
import type { DropCounter } from './drop-counter.js';
import type { Frame } from './frames.js';
import type { LaneLeftover, LaneOutcome } from './handover.js';
import type { Lanes } from './lanes.js';
import type { Spool } from './spool/spool.js';
import { spooledSentence } from './status.js';

/** The parts of the publisher. */
export interface LeftoversOptions {
  readonly lanes: Lanes;
  readonly backlog: Backlog;
  readonly announcer: Announcer;
  readonly drops: DropCounter;
  readonly connection: Connection;
  /** Where the backlog can leave records. */
  readonly spool: Spool | undefined;
  readonly warn: (error: LoghiveError) => void;
  /** Accepts and sends nothing more. */
  readonly stop: () => void;
}

export class Leftovers {
  readonly #options: LeftoversOptions;
  /** Number of records on disk in the last report. */
  #reported = 0;

  constructor(options: LeftoversOptions) {
    this.#options = options;
  }

  /** Whether there is something to send: records that are not confirmed, or a service that is not announced. */
  get exist(): boolean {
    const { lanes, backlog, announcer } = this.#options;
    return lanes.ownRecords > 0 || (backlog.confirmed > 0 && !announcer.hasAnnounced);
  }

  /** Takes out everything that is not confirmed. `takeBack()` accounts for it. */
  handOver(): { lanes: LaneLeftover[]; services: string[] } {
    const { backlog, announcer } = this.#options;
    return { lanes: backlog.handOver(), services: announcer.unannounced };
  }

  /** @param stoppedEarly the other thread stopped before its time was over, so not only time was short. */
  takeBack(outcomes: Iterable<LaneOutcome>, stoppedEarly: boolean): void {
    this.#options.backlog.takeBack(outcomes, !stoppedEarly);
    this.reportSpooled();
  }

  /** Records of earlier processes stay on disk. */
  leaveAdopted(): void {
    this.#options.backlog.leaveAdopted();
  }

  /**
   * In the other thread: takes over what was handed over.
   *
   * @returns the lane, and the sequence of the first frame there.
   */
  takeOver(service: string, level: Level, frames: Iterable<Pick<Frame, 'body' | 'records' | 'madeAtS'>>) {
    const { connection, backlog, lanes } = this.#options;
    connection.open();
    return backlog.takeOver(lanes.of(service, level).lane, frames);
  }

  /** Nothing can be sent any more: leaves the rest on disk, or counts and reports it. */
  abandon(): void {
    const { drops, spool, stop, backlog, connection } = this.#options;
    drops.hold();
    // With a spool, what later listeners of `exit` log is left on disk as well.
    if (!spool) stop();
    backlog.leave('unsent at exit', !connection.isUnreachable);
    drops.reportImmediately();
    this.reportSpooled();
  }

  /**
   * Reports what was left on disk. At the end of the process more may follow record by record, so another report follows
   * when there are twice as many.
   */
  reportSpooled(): void {
    const { lanes, spool, warn } = this.#options;
    const { spooled } = lanes;
    if (!spool || spooled === 0 || spooled < 2 * this.#reported) return;
    this.#reported = spooled;
    const services = new Set([...lanes].flatMap(({ lane }) => (lane.spooled > 0 ? [lane.service] : [])));
    warn(new LoghiveError('LOGHIVE_RECORDS_SPOOLED', spooledSentence(spooled, [...services], spool)));
  }
}
