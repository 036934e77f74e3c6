/** Routes of the consumer's HTTP server. */
import type { LivenessFaults } from '../liveness.js';
import type { ConsumerMetrics } from '../metrics.js';
import type { ConsumerStatus } from '../status.js';
import { liveness, type Probe, readiness, startup } from './probes.js';
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
