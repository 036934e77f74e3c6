/** Builds the status of a consumer. Pure. */
import { healthOf } from './health.js';
import { lagOf } from './lag.js';
import type { InHand } from './metrics/snapshot.js';
import type { ConsumerStatus } from './status.js';

type Taken = 'state' | 'sinceMs' | 'hasStarted' | 'services' | 'broker' | 'publishing' | 'workers' | 'queues';

type Kept = 'queueMessageTtlMs' | 'rates' | 'counts' | 'maintenance' | 'notices';

export interface StatusParts extends Pick<ConsumerStatus, Taken | Kept> {
  readonly httpPort: number | undefined;
  /** Why the consumer is paused or preparing. */
  readonly reason: string | undefined;
  /** Why nothing can be stored; undefined if storage works. */
  readonly storageFault: string | undefined;
  readonly isSchemaReady: boolean;
  readonly inHand: InHand;
}

export function consumerStatus(parts: StatusParts, nowMs: number): ConsumerStatus {
  const { reason, httpPort, storageFault, isSchemaReady, inHand, ...taken } = parts;
  const { messages, queues: held, writingSinceMs } = inHand;
  const known = {
    ...taken,
    ...(reason === undefined ? {} : { reason }),
    ...(httpPort === undefined ? {} : { httpPort }),
    storage: {
      isUp: storageFault === undefined,
      ...(storageFault === undefined ? {} : { reason: storageFault }),
      isSchemaReady,
      ...(writingSinceMs === undefined ? {} : { writingSinceMs }),
    },
    lag: lagOf(held, nowMs),
    inHand: messages,
  };
  return { ...known, ...healthOf(known, nowMs) };
}
