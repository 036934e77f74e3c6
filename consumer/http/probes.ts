/**
 * What the probes of an orchestrator ask: is it alive, has it started, can it do its work now. Pure.
 *
 * A consumer whose servers are away is alive: it waits for them, and a restart would mend nothing.
 */
import { asSentence } from '../../src/sentence.js';
import { brokerProblem } from '../health.js';
import type { LivenessFaults } from '../liveness.js';
import type { ConsumerStatus } from '../status.js';

export interface Check {
  readonly ok: boolean;
  /** Why not, in words. */
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
  const storageFault = status.reason ?? storage.reason ?? 'it does not store';
  return probe({
    consumer: check(isEnding ? `the consumer is ${state}` : undefined),
    workers: check(isWorkerMissing(status) ? 'no worker takes messages now' : undefined),
    broker: check(brokerProblem(status)?.[1]),
    database: check(storage.isUp ? undefined : storageFault),
    schema: check(storage.isSchemaReady ? undefined : 'the schema was not brought up to date yet'),
  });
}

function isWorkerMissing({ state, workers }: ConsumerStatus): boolean {
  return state === 'running' && !workers.some((worker) => worker.state === 'running');
}

/** Once it took messages for the first time it stays started, whatever comes. */
export function startup(status: ConsumerStatus): Probe {
  if (status.hasStarted) return probe({ started: OK });
  const { checks } = readiness(status);
  return probe({ ...checks, started: check('no messages were taken yet') });
}

function check(fault: string | undefined): Check {
  return fault === undefined ? OK : { ok: false, reason: asSentence(fault) };
}

function probe(checks: Readonly<Record<string, Check>>): Probe {
  return { ok: Object.values(checks).every(({ ok }) => ok), checks };
}
