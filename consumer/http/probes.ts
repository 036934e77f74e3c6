/**
 * Answers the probes of an orchestrator: is the consumer alive, has it started, can it work now. Pure.
 *
 * A consumer whose servers are unreachable is alive: it waits for them, and a restart would not help.
 */
import { asSentence } from '../../src/sentence.js';
import { brokerProblem } from '../health.js';
import type { LivenessFaults } from '../liveness.js';
import type { ConsumerStatus } from '../status.js';

export interface Check {
  readonly ok: boolean;
  /** Why not. */
  readonly reason?: string;
}

export interface Probe {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, Check>>;
}

const OK: Check = { ok: true };

export function liveness({ eventLoop, workers }: LivenessFaults): Probe {
  return probe({ eventLoop: check(eventLoop), workers: check(workers) });
}

export function readiness(status: ConsumerStatus): Probe {
  const { state, storage } = status;
  const isEnding = state === 'stopping' || state === 'stopped';
  const storageFault = status.reason ?? storage.reason ?? 'storage does not work';
  return probe({
    consumer: check(isEnding ? `the consumer is ${state}` : undefined),
    workers: check(isWorkerMissing(status) ? 'no worker is consuming messages' : undefined),
    broker: check(brokerProblem(status)?.[1]),
    database: check(storage.isUp ? undefined : storageFault),
    schema: check(storage.isSchemaReady ? undefined : 'the schema is not up to date yet'),
  });
}

function isWorkerMissing({ state, workers }: ConsumerStatus): boolean {
  return state === 'running' && !workers.some((worker) => worker.state === 'running');
}

/** Once it has consumed messages it counts as started, whatever happens later. */
export function startup(status: ConsumerStatus): Probe {
  if (status.hasStarted) return probe({ started: OK });
  const { checks } = readiness(status);
  return probe({ ...checks, started: check('no messages have been consumed yet') });
}

function check(fault: string | undefined): Check {
  return fault === undefined ? OK : { ok: false, reason: asSentence(fault) };
}

function probe(checks: Readonly<Record<string, Check>>): Probe {
  return { ok: Object.values(checks).every(({ ok }) => ok), checks };
}
