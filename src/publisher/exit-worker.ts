/**
 * The exit worker: a thread that is started in the `exit` event, when nothing asynchronous runs any more in the ending
 * thread. It takes over what is not confirmed there, sends it, and wakes the ending thread.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { reasonOf } from '../errors.js';
import { sendInternalLinesTo } from '../internal-logger.js';
import { within } from '../time/time-limit.js';
import { type FaultReport, now, type PackedLane, type Part, settle, unpack } from './handover.js';
import type { Lane } from './lane.js';
import { Publisher } from './publisher.js';

/** Its worker data. */
export interface Start {
  /** Receives `FaultReport` messages. */
  readonly port: MessagePort;
  /** Number of finished handovers. The ending thread sleeps on it. */
  readonly rounds: Int32Array;
}

function serve({ port, rounds }: Start): void {
  const report = (fault: string) => port.postMessage({ fault } satisfies FaultReport);
  const takeOver = createTakeover(report);
  parentPort?.on('message', async (parts: readonly Part[]) => {
    try {
      await takeOver(parts);
    } catch (error) {
      report(reasonOf(error));
    }
    Atomics.add(rounds, 0, 1);
    Atomics.notify(rounds, 0);
  });
}

// One publisher for each publisher of the ending thread, with the same settings.

/**
 * @param report receives the reasons for which something is not confirmed.
 * @returns a function that sends what was handed over; resolves when it is confirmed, or cannot be in time.
 */
function createTakeover(report: (fault: string) => void): (parts: readonly Part[]) => Promise<void> {
  // The ending thread logs the faults, some of which it has logged before.
  sendInternalLinesTo(() => {});
  const successors = new Map<number, Successor>();
  return async (parts) => {
    await Promise.all(
      parts.map((part) => {
        const successor = successors.get(part.publisher) ?? new Successor(part, report);
        successors.set(part.publisher, successor);
        return successor.take(part);
      }),
    );
  };
}

class Successor {
  readonly #publisher: Publisher;
  readonly #connected: Promise<void>;
  /** An attempt to connect has failed on every host: waiting for the next one would delay the end. */
  readonly #away: Promise<void>;
  /** The last handover of a lane, and the sequence of its first frame. */
  readonly #lanes = new Map<Lane, { readonly packed: PackedLane; readonly from: number }>();

  constructor({ config }: Part, report: (fault: string) => void) {
    this.#publisher = new Publisher(config, {
      onSettled: (lane, frame, what) => {
        const { packed, from } = this.#lanes.get(lane) ?? {};
        const place = frame.sequence - (from ?? 0);
        if (packed && place >= 0) settle(packed, place, what, frame.records);
      },
    });
    const { events } = this.#publisher;
    this.#connected = new Promise((resolve) => events.once('connect', resolve));
    this.#away = new Promise((resolve) => {
      events.on('warning', (error) => {
        if (error.code !== 'LOGHIVE_RECORDS_LOST') report(error.message);
        if (this.#publisher.isBrokerAway) resolve();
      });
    });
  }

  async take({ lanes, services, untilMs, staysOpen }: Part): Promise<void> {
    for (const packed of lanes) {
      const { lane, from } = this.#publisher.leftovers.takeOver(packed.service, packed.level, unpack(packed));
      this.#lanes.set(lane, { packed, from });
    }
    for (const service of services) this.#publisher.announce(service);
    const sent = this.#connected.then(() => this.#publisher.flush());
    await within(untilMs - now(), Promise.race([sent, this.#away]));
    if (!staysOpen) await within(untilMs - now(), this.#publisher.rest());
  }
}

// Loaded in any other way, this file does nothing.
if ((workerData as Partial<Start> | null)?.rounds) serve(workerData as Start);
