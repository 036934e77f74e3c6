/** What the arguments of a queue that somebody else declared mean for the messages in it. Pure. */
import type { QueueArguments } from '../../src/amqp/queue-arguments.js';
import { majorVersion } from '../../src/wire.js';

/**
 * A message that was returned so often is published anew before it is looked at: a delivery limit would destroy it in the
 * end, or it may be what ends its consumers.
 */
export const MAX_RETURNS = 2;

/** RabbitMQ 4 gives it to a quorum queue that names none. */
const DEFAULT_LIMIT = 20;

export type Hazard =
  /** No message may be taken from it. */
  | { readonly kind: 'refuse'; readonly sentence: string }
  /** It works, but a person should look. */
  | { readonly kind: 'degraded'; readonly sentence: string };

export function hazardOf(queue: string, declared: QueueArguments, serverVersion: string): Hazard | undefined {
  if (declared['x-queue-type'] === 'stream') {
    return {
      kind: 'refuse',
      sentence: `queue "${queue}" is a stream, which is read from its end: what is in it already would never be stored. Delete it, or use another name of service.`,
    };
  }
  const limit = deliveryLimit(declared, serverVersion);
  if (limit === undefined) return undefined;
  const dropped = `RabbitMQ drops a message that is returned more than ${times(limit)}`;
  const remedy = 'Delete the queue while it is empty, and Loghive declares it again without a limit.';
  if (limit <= MAX_RETURNS) {
    return {
      kind: 'degraded',
      sentence: `queue "${queue}" has a delivery limit of ${limit}, which is too low: ${dropped}, and Loghive publishes a message anew only after ${MAX_RETURNS} returns. ${remedy}`,
    };
  }
  if (declared['x-dead-letter-exchange'] !== undefined) return undefined;
  return {
    kind: 'degraded',
    sentence: `queue "${queue}" has a delivery limit of ${limit} and no dead-letter exchange: ${dropped}. Loghive publishes a message anew after ${MAX_RETURNS} returns, but other consumers may not. ${remedy}`,
  };
}

const times = (count: number) => (count === 1 ? 'once' : `${count} times`);

/** Undefined: none. On RabbitMQ 3.x a negative one drops a message at its first return. */
function deliveryLimit(declared: QueueArguments, serverVersion: string): number | undefined {
  if (declared['x-queue-type'] !== 'quorum') return undefined;
  const { 'x-delivery-limit': limit } = declared;
  const isVersion4 = majorVersion(serverVersion) >= 4;
  if (typeof limit !== 'number') return isVersion4 ? DEFAULT_LIMIT : undefined;
  if (limit >= 0) return limit;
  return isVersion4 ? undefined : 0;
}
