/**
 * Flushing where nothing asynchronous runs any more: what the publishers have left goes to the exit worker, one for all of
 * them, and this thread waits for it, for at most what is left of exitTimeoutMs since the end began.
 */
import { reasonOf } from '../errors.js';
import { internalLogger } from '../internal-logger.js';
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
  /** Undefined while the process is not ending; 'cut' where nothing is waited for any more. */
  #end: { readonly begunMs: number } | 'cut' | undefined;

  /** The process is about to end: time counts from now on. */
  begin(): void {
    this.#end ??= { begunMs: now() };
  }

  /** It goes on after all. */
  begunInVain(): void {
    this.#end = undefined;
  }

  /** Nothing more is waited for. */
  cut(): void {
    this.#end = 'cut';
  }

  /**
   * Returns when everything is confirmed, or counted and told.
   *
   * @param staysOpen records may follow, one at a time.
   */
  flush(publishers: Iterable<Publisher>, staysOpen: boolean): void {
    try {
      this.#flush(publishers, staysOpen);
    } catch (error) {
      // It stands in a listener of the process, or in a logging call. Only a full stack can throw here.
      internalLogger.error(`what is left at the end of the process cannot be sent: ${reasonOf(error)}`);
    }
  }

  #flush(publishers: Iterable<Publisher>, staysOpen: boolean): void {
    this.#end ??= { begunMs: now() };
    const end = this.#end;
    const handovers: Handover[] = [];
    for (const publisher of publishers) {
      if (!publisher.hasLeftover) continue;
      const untilMs = end === 'cut' ? 0 : end.begunMs + publisher.config.exitTimeoutMs;
      // Without a broker there is nothing to wait for.
      if (untilMs <= now() || publisher.isBrokerAway) publisher.abandon();
      else handovers.push(this.#handOver(publisher, untilMs, staysOpen));
    }
    if (handovers.length === 0) return;
    const faults = this.#thread.deliver(handovers.map(({ part }) => part));
    const outcomes = handovers.map(outcomesOf);
    const isDone = outcomes.flat().every(({ rest }) => rest.length === 0);
    if (!isDone) for (const fault of new Set(faults)) internalLogger.warning(fault);
    for (const [index, { publisher, part }] of handovers.entries()) {
      // The reason was logged above.
      publisher.takeBack(outcomes[index]!, faults.length > 0 && now() < part.untilMs);
      if (outcomes[index]!.some(({ rest }) => rest.length > 0)) publisher.abandon();
    }
  }

  #handOver(publisher: Publisher, untilMs: number, staysOpen: boolean): Handover {
    const number = this.#numbers.get(publisher) ?? this.#numbers.size;
    this.#numbers.set(publisher, number);
    const { config } = publisher;
    const { lanes: leftovers, services } = publisher.handOver();
    const lanes = leftovers.map((leftover) => ({ leftover, packed: packed(leftover) }));
    const packedLanes = lanes.flatMap((lane) => lane.packed ?? []);
    return { publisher, lanes, part: { publisher: number, config, lanes: packedLanes, services, untilMs, staysOpen } };
  }
}

/** Undefined where there is no memory for it: then it is counted as lost. */
function packed(leftover: LaneLeftover): PackedLane | undefined {
  try {
    return pack(leftover);
  } catch (error) {
    internalLogger.error(`records cannot be given to the exit worker: ${reasonOf(error)}`);
    return undefined;
  }
}

function outcomesOf({ lanes }: Handover): LaneOutcome[] {
  return lanes.map(({ leftover, packed }) => outcomeOf(leftover, packed));
}
