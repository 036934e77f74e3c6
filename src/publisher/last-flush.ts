/**
 * Flushes when nothing asynchronous runs any more: hands what the publishers have left to the exit worker (one for all
 * of them), and blocks this thread until it is done, for at most what is left of exitTimeoutMs.
 */
import { reasonOf } from '../errors.js';
import { type InternalLogger, internalLogger } from '../internal-logger.js';
import { ExitThread } from './exit-thread.js';
import { type LaneLeftover, type LaneOutcome, now, outcomeOf, type PackedLane, type Part, pack } from './handover.js';
import type { Publisher } from './publisher.js';

interface Handover {
  readonly publisher: Publisher;
  readonly part: Part;
  readonly lanes: readonly { readonly leftover: LaneLeftover; readonly packed: PackedLane | undefined }[];
}

export class LastFlush {
  readonly #thread = new ExitThread();
  readonly #numbers = new Map<Publisher, number>();
  /** Undefined while the process is not ending; 'cut' if nothing may wait any more. */
  #end: { readonly begunMs: number } | 'cut' | undefined;

  /** The process is about to end: starts the clock. */
  begin(): void {
    this.#end ??= { begunMs: now() };
  }

  /** The process continues. */
  cancel(): void {
    this.#end = undefined;
  }

  /** Nothing may wait any more. */
  cut(): void {
    this.#end = 'cut';
  }

  /**
   * Returns when everything is confirmed, or counted and reported.
   *
   * @param staysOpen more records may follow, one at a time.
   */
  flush(publishers: Iterable<Publisher>, staysOpen: boolean): void {
    try {
      this.#flush(publishers, staysOpen);
    } catch (error) {
      // Called in a listener of the process, or in a logging call. Only an exhausted stack can throw here.
      internalLogger.error(`records that are left at the end of the process cannot be sent: ${reasonOf(error)}`);
    }
  }

  #flush(publishers: Iterable<Publisher>, staysOpen: boolean): void {
    this.#end ??= { begunMs: now() };
    const end = this.#end;
    const handovers: Handover[] = [];
    for (const publisher of publishers) {
      publisher.leftovers.leaveAdopted();
      if (!publisher.leftovers.exist) continue;
      const untilMs = end === 'cut' ? 0 : end.begunMs + publisher.config.exitTimeoutMs;
      // Without a broker there is nothing to wait for.
      if (untilMs <= now() || publisher.isBrokerAway) publisher.leftovers.abandon();
      else handovers.push(this.#handOver(publisher, untilMs, staysOpen));
    }
    if (handovers.length === 0) return;
    const faults = this.#thread.deliver(handovers.map(({ part }) => part));
    const outcomes = handovers.map(outcomesOf);
    const isDone = outcomes.flat().every(({ rest }) => rest.length === 0);
    if (!isDone) logOnce(faults, handovers);
    for (const [index, { publisher, part }] of handovers.entries()) {
      // The reason was logged above.
      publisher.leftovers.takeBack(outcomes[index]!, faults.length > 0 && now() < part.untilMs);
      if (outcomes[index]!.some(({ rest }) => rest.length > 0)) publisher.leftovers.abandon();
    }
  }

  #handOver(publisher: Publisher, untilMs: number, staysOpen: boolean): Handover {
    const number = this.#numbers.get(publisher) ?? this.#numbers.size;
    this.#numbers.set(publisher, number);
    // A function cannot be sent to another thread, which logs nothing anyway. What it cannot send comes back, and is left
    // on disk here.
    const { onDiagnostic: _, spool: __, ...config } = publisher.config;
    const { lanes: leftovers, services } = publisher.leftovers.handOver();
    const lanes = leftovers.map((leftover) => ({ leftover, packed: packed(leftover, publisher.log) }));
    const packedLanes = lanes.flatMap((lane) => lane.packed ?? []);
    return { publisher, lanes, part: { publisher: number, config, lanes: packedLanes, services, untilMs, staysOpen } };
  }
}

/** Undefined if there is not enough memory: the records are counted as lost then. */
function packed(leftover: LaneLeftover, log: InternalLogger): PackedLane | undefined {
  try {
    return pack(leftover);
  } catch (error) {
    log.error(`cannot hand records to the exit worker: ${reasonOf(error)}`);
    return undefined;
  }
}

/** Each fault once in each log. */
function logOnce(faults: readonly string[], handovers: readonly Handover[]): void {
  const logs = new Map(handovers.map(({ publisher: { config, log } }) => [config.onDiagnostic, log]));
  for (const log of logs.values()) for (const fault of new Set(faults)) log.warning(fault);
}

function outcomesOf({ lanes }: Handover): LaneOutcome[] {
  return lanes.map(({ leftover, packed }) => outcomeOf(leftover, packed));
}
