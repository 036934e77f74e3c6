/** How the arguments of a queue differ from those that Loghive would declare, and what to do about it. Pure. */
import type { QueueArguments } from '../../src/amqp/queue-arguments.js';
import type { QueueSettings } from '../../src/wire.js';
import { deleteQueue, setPolicy } from './rabbitmqctl.js';

export interface Difference {
  readonly name: string;
  /** Undefined: the queue does not have it. */
  readonly current: unknown;
  /** Undefined: Loghive does not set it. */
  readonly wanted: unknown;
}

/** Sorted by name. */
export function differencesOf(current: QueueArguments, wanted: QueueArguments): Difference[] {
  return [...new Set([...Object.keys(current), ...Object.keys(wanted)])]
    .sort()
    .filter((name) => current[name] !== wanted[name])
    .map((name) => ({ name, current: current[name], wanted: wanted[name] }));
}

/** `x-max-length is 10, wanted 1000000` */
export function differenceText({ name, current, wanted }: Difference): string {
  const is = current === undefined ? 'is not set' : `is ${String(current)}`;
  return `${name} ${is}, wanted ${wanted === undefined ? 'unset' : String(wanted)}`;
}

/** Arguments that a policy can set. Of two limits, RabbitMQ takes the lower one; other arguments win over a policy. */
const POLICY_KEYS: Readonly<Record<string, string>> = {
  'x-message-ttl': 'message-ttl',
  'x-max-length': 'max-length',
  'x-max-length-bytes': 'max-length-bytes',
  'x-overflow': 'overflow',
  'x-dead-letter-exchange': 'dead-letter-exchange',
  'x-dead-letter-routing-key': 'dead-letter-routing-key',
  'x-dead-letter-strategy': 'dead-letter-strategy',
};
const LIMITS = new Set(['x-message-ttl', 'x-max-length', 'x-max-length-bytes']);

/** The definition of a policy that removes these differences; undefined if none can. */
export function policyFor(differences: readonly Difference[]): Readonly<Record<string, unknown>> | undefined {
  const definition: Record<string, unknown> = {};
  for (const { name, current, wanted } of differences) {
    const key = POLICY_KEYS[name];
    const isLowered = LIMITS.has(name) && Number(wanted) < Number(current);
    if (key === undefined || wanted === undefined || (current !== undefined && !isLowered)) return undefined;
    definition[key] = wanted;
  }
  return definition;
}

/**
 * @param policy its name, and a pattern that matches these queues.
 * @param queues all with these arguments.
 */
export function remedyFor(
  current: QueueArguments,
  differences: readonly Difference[],
  { vhost, queues, policy }: { vhost: string; queues: readonly string[]; policy: { name: string; pattern: string } },
  settings: QueueSettings,
): string {
  const definition = policyFor(differences);
  const policyLine = definition && setPolicy(vhost, policy.name, policy.pattern, definition);
  if (policyLine !== undefined) {
    return `Run ${policyLine}, or delete the queue while it is empty: Loghive declares it anew. AMQP does not show policies, so with one this line stays.`;
  }
  const lines = queues.map((queue) => deleteQueue(vhost, queue)).join(' && ');
  const again = `No policy can do that. When ${queues.length === 1 ? 'it is' : 'they are'} empty, stop the producers and consumers of the queue, run ${lines}, and start them again: Loghive declares it anew.`;
  return isOfPython(current) && settings.type !== 'python'
    ? `If Python clients declared it, set QUEUE_TYPE=python. Otherwise: ${again}`
    : again;
}

/** From version 4 on, RabbitMQ reports the type of a classic queue as well. */
function isOfPython(current: QueueArguments): boolean {
  const has = (name: string) => current[name] !== undefined;
  const isClassic = [undefined, 'classic'].includes(current['x-queue-type'] as string | undefined);
  return isClassic && has('x-message-ttl') && has('x-max-length') && !has('x-max-length-bytes') && !has('x-overflow');
}
