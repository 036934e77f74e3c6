/** Alerts of a consumer: about what it stores, and about itself as its status has it. */
import { asSentence } from '../src/sentence.js';
import type { StatusLog } from '../src/status-log.js';
import { type Alerts, type AlertsTestHooks, createAlerts } from './alerts/alerts.js';
import { type SelfState, SelfWatch } from './alerts/self-watch.js';
import type { ConsumerConfig } from './config.js';
import type { ConsumerStatus } from './status.js';

export interface OwnAlertsOptions {
  readonly config: ConsumerConfig;
  readonly notices: StatusLog;
  readonly status: () => ConsumerStatus;
  readonly seams?: AlertsTestHooks | undefined;
}

/** @returns undefined where nobody is to be told anything. */
export function createOwnAlerts({ config, notices, status, seams = {} }: OwnAlertsOptions): Alerts | undefined {
  const { alerts: settings, store, queues } = config;
  if (settings === undefined) return undefined;
  let awaySinceMs: number | undefined;

  function selfState(): SelfState {
    const nowMs = Date.now();
    const { state, reason: waitsFor, storage, counts, workers, queues: depths, lag } = status();
    const { reason } = storage;
    // While the schema is brought up to date there is no answer yet, which may take its time.
    const isAway = !storage.isUp && !(state === 'preparing' && waitsFor === undefined);
    awaySinceMs = isAway ? (awaySinceMs ?? nowMs) : undefined;
    return {
      nowMs,
      storage: awaySinceMs === undefined ? undefined : { sinceMs: awaySinceMs, reason: asSentence(reason ?? '') },
      deadLetters: counts.deadLetters,
      workerCrashes: workers.reduce((sum, { restarts }) => sum + restarts, 0),
      queues: depths.map(({ queue, messages, share = 0, consumers }) => ({ name: queue, messages, share, consumers })),
      services: lag.map(({ service, oldestAgeS }) => ({ name: service, oldestMs: oldestAgeS * 1000 })),
      ttlMs: queues.messageTtlMs,
    };
  }

  const onTick = () => watch.update(selfState());
  const alerts = createAlerts({ settings, store, notices, onTick, seams });
  const watch = new SelfWatch(alerts, seams.unreachableMs);
  return alerts;
}
