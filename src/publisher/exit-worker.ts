/**
 * The exit worker: a thread that is started in the `exit` event, when nothing asynchronous runs any more in the thread that
 * ends. It takes over what that one has not got confirmed, sends it, and wakes it.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { reasonOf } from '../errors.js';
import type { Part, Said } from './handover.js';
import { createTakeover } from './takeover.js';

/** What it is started with. */
export interface Start {
  /** Takes what is said, see `Said`. */
  readonly port: MessagePort;
  /** How many handovers are done; the ending thread sleeps on it. */
  readonly rounds: Int32Array;
}

function serve({ port, rounds }: Start): void {
  const say = (fault: string) => port.postMessage({ fault } satisfies Said);
  const takeOver = createTakeover(say);
  parentPort?.on('message', async (parts: readonly Part[]) => {
    try {
      await takeOver(parts);
    } catch (error) {
      say(reasonOf(error));
    }
    Atomics.add(rounds, 0, 1);
    Atomics.notify(rounds, 0);
  });
}

// Loaded by anybody else it does nothing.
if ((workerData as Partial<Start> | null)?.rounds) serve(workerData as Start);
