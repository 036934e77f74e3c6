/**
 * Routes of the consumer's HTTP server, and what its probes answer an orchestrator: is the consumer alive, has it
 * started, can it work now.
 *
 * A consumer whose servers are unreachable is alive: it waits for them, and a restart would not help.
 */

import { asSentence } from '../../src/sentence.js';
import { brokerProblem } from '../health.js';
import type { LivenessFaults } from '../liveness.js';
import type { ConsumerMetrics } from '../metrics.js';
import type { ConsumerStatus } from '../status.js';
import type { Answer } from './server.js';

export interface RouteSources {
  readonly status: () => ConsumerStatus;
  /** Why the consumer cannot recover without a restart. */
  readonly faults: () => LivenessFaults;
  readonly metrics: () => ConsumerMetrics;
}

type Route = (sources: RouteSources) => Promise<Answer> | Answer;

const ROUTES: Readonly<Record<string, Route>> = {
  '/livez': ({ faults }) => answerTo(liveness(faults())),
  '/readyz': ({ status }) => answerTo(readiness(status())),
  '/startupz': ({ status }) => answerTo(startup(status())),
  '/metrics': async ({ metrics }) => {
    const { contentType, text } = metrics();
    return { status: 200, contentType, body: await text() };
  },
  '/status': ({ status }) => json(200, status()),
};

export const PATHS = Object.keys(ROUTES);

/** @returns undefined if the path does not exist. */
export function answerOf(path: string, sources: RouteSources): Promise<Answer> | undefined {
  if (!Object.hasOwn(ROUTES, path)) return undefined;
  return (async () => ROUTES[path]!(sources))();
}

function answerTo(probe: Probe): Answer {
  return json(probe.ok ? 200 : 503, probe);
}

function json(status: number, value: unknown): Answer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value, undefined, 2)}\n` };
}

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
