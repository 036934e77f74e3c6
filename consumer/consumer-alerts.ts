/** Alerts of a consumer: about the records it stores and about its own health. */
import { asSentence } from '../src/sentence.js';
import type { StatusLog } from '../src/status-log.js';
import { FAILURE_QUEUE, laneOf, SERVICES_QUEUE } from '../src/wire.js';
import { type Alerts, type AlertsTestHooks, createAlerts } from './alerts/alerts.js';
import { type SelfState, SelfWatch } from './alerts/self-watch.js';
import type { ConsumerConfig } from './config.js';
import type { ConsumerStatus } from './status.js';

export interface ConsumerAlertsOptions {
  readonly config: ConsumerConfig;
  readonly notices: StatusLog;
  readonly status: () => ConsumerStatus;
  readonly hooks?: AlertsTestHooks | undefined;
}

/** @returns undefined if alerts are not configured. */
export function createConsumerAlerts({
  config,
  notices,
  status,
  hooks = {},
}: ConsumerAlertsOptions): Alerts | undefined {
  const { alerts: settings, store, queues } = config;
  if (settings === undefined) return undefined;
  let awaySinceMs: number | undefined;

  function selfState(): SelfState {
    const nowMs = Date.now();
    const { state, reason: waitsFor, storage, counts, workers, queues: depths, lag } = status();
    const { reason } = storage;
    // During a migration, which may take long, the storage state is not known yet.
    const isAway = !storage.isUp && !(state === 'preparing' && waitsFor === undefined);
    awaySinceMs = isAway ? (awaySinceMs ?? nowMs) : undefined;
    return {
      nowMs,
      storage: awaySinceMs === undefined ? undefined : { sinceMs: awaySinceMs, reason: asSentence(reason ?? '') },
      deadLetters: counts.deadLetters,
      workerCrashes: workers.reduce((sum, { restarts }) => sum + restarts, 0),
      queues: depths
        .filter(({ queue }) => isConsumed(queue))
        .map(({ queue, messages, share = 0, consumers }) => ({ name: queue, messages, share, consumers })),
      services: lag.map(({ service, oldestAgeS }) => ({ name: service, oldestMs: oldestAgeS * 1000 })),
      ttlMs: queues.messageTtlMs,
    };
  }

  const onTick = () => watch.update(selfState());
  const alerts = createAlerts({ settings, store, notices, onTick, hooks });
  const watch = new SelfWatch(alerts, hooks.unreachableMs);
  return alerts;
}

/** Delay queues are not: RabbitMQ moves their messages after the delay. */
function isConsumed(queue: string): boolean {
  return queue === FAILURE_QUEUE || queue === SERVICES_QUEUE || laneOf(queue) !== undefined;
}
