/** Declares queues to consume from, and detects arguments of existing ones that endanger their messages. */
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import type { QueueArguments } from '../../src/amqp/queue-arguments.js';
import type { Topology } from '../../src/amqp/topology.js';
import { LoghiveError } from '../../src/errors.js';
import type { QueueDeclaration } from '../../src/wire.js';
import { majorVersion } from '../../src/wire.js';

/**
 * A message that was returned this often is republished before it is processed: a delivery limit would eventually drop
 * it, or it may have crashed its consumers.
 */
export const MAX_RETURNS = 2;

/** Delivery limit of a quorum queue without an explicit one in RabbitMQ 4. */
const DEFAULT_LIMIT = 20;

export type Hazard =
  /** The queue must not be consumed from. */
  | { readonly kind: 'refuse'; readonly sentence: string }
  /** The queue works, but needs attention. */
  | { readonly kind: 'degraded'; readonly sentence: string };

/**
 * Declares a queue before consuming from it.
 *
 * @throws LoghiveError LOGHIVE_BROKER_REFUSED if the queue must not be consumed from; the errors of `Topology.ensure`.
 */
export async function declareForConsuming(
  topology: Topology,
  connection: OpenConnection,
  declaration: QueueDeclaration,
  onHazard: (queue: string, sentence: string | undefined) => void,
): Promise<void> {
  const { queue } = declaration;
  const declared = await topology.ensure(connection, declaration);
  const hazard = declared && hazardOf(queue, declared, connection.serverVersion);
  if (hazard?.kind === 'refuse') {
    topology.forgetQueue(queue, connection);
    throw new LoghiveError('LOGHIVE_BROKER_REFUSED', hazard.sentence);
  }
  onHazard(queue, hazard?.sentence);
}

/** Pure. */
export function hazardOf(queue: string, declared: QueueArguments, serverVersion: string): Hazard | undefined {
  if (declared['x-queue-type'] === 'stream') {
    return {
      kind: 'refuse',
      sentence: `queue "${queue}" is a stream, which is read from its end: messages already in it would never be stored. Delete the stream, or use another service name.`,
    };
  }
  const limit = deliveryLimit(declared, serverVersion);
  if (limit === undefined) return undefined;
  const dropped = `RabbitMQ drops a message that is returned more than ${times(limit)}`;
  const remedy = 'Delete the queue while it is empty, and Loghive declares it again without a limit.';
  if (limit <= MAX_RETURNS) {
    return {
      kind: 'degraded',
      sentence: `queue "${queue}" has a delivery limit of ${limit}, which is too low: ${dropped}, and Loghive republishes a message only after ${MAX_RETURNS} returns. ${remedy}`,
    };
  }
  if (declared['x-dead-letter-exchange'] !== undefined) return undefined;
  return {
    kind: 'degraded',
    sentence: `queue "${queue}" has a delivery limit of ${limit} and no dead-letter exchange: ${dropped}. Loghive republishes a message after ${MAX_RETURNS} returns, but other consumers may not. ${remedy}`,
  };
}

const times = (count: number) => (count === 1 ? 'once' : `${count} times`);

/** Undefined: no limit. On RabbitMQ 3.x a negative limit drops a message at its first return. */
function deliveryLimit(declared: QueueArguments, serverVersion: string): number | undefined {
  if (declared['x-queue-type'] !== 'quorum') return undefined;
  const { 'x-delivery-limit': limit } = declared;
  const isVersion4 = majorVersion(serverVersion) >= 4;
  if (typeof limit !== 'number') return isVersion4 ? DEFAULT_LIMIT : undefined;
  if (limit >= 0) return limit;
  return isVersion4 ? undefined : 0;
}
