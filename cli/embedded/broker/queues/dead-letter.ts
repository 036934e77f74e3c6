/** Dead-letter headers as RabbitMQ 3.10 writes them, and its cycle detection. */
import {
  array,
  entriesOf,
  type FieldTable,
  integerOf,
  itemsOf,
  long,
  longString,
  lookUp,
  table,
  textOf,
} from '../wire/field-table.js';
import { canonical, type Header, headerValue, readHeaders, setHeaders, withHeaders } from '../wire/properties.js';
import { canonical as sameness } from './equivalence.js';
import type { Message } from './message.js';

export type DeathReason = 'expired' | 'rejected' | 'maxlen' | 'delivery_limit';

export interface Death {
  readonly queue: string;
  readonly reason: DeathReason;
  /** The dead-letter exchange. */
  readonly exchange: string;
  /** Undefined: the message keeps its routing key. */
  readonly routingKey: string | undefined;
  readonly epochMs: number;
}

/** Returns the message to publish to the dead-letter exchange. */
export function deadMessage(message: Message, death: Death): Message {
  const properties = canonical(message.properties);
  const headers = readHeaders(properties);
  const known = headerValue(headers, 'x-death');
  const deaths = grouped(earlierDeaths(headers));
  const index = deaths.findIndex((each) => isSame(each, death.queue, death.reason));
  const again = index === -1 ? undefined : deaths.splice(index, 1)[0];
  const latest = again === undefined ? firstDeath(message, death) : counted(again);
  const set = setHeaders(headers, {
    ...(known === undefined
      ? {
          'x-first-death-reason': longString(death.reason),
          'x-first-death-queue': longString(death.queue),
          'x-first-death-exchange': longString(message.exchange),
        }
      : {}),
    'x-death': array([known?.type === 'A' ? sorted(latest) : latest, ...deaths].map(table)),
  });
  return {
    exchange: death.exchange,
    routingKey: death.routingKey ?? message.routingKey,
    properties: withHeaders(properties, set, { keepsExpiration: false }),
    body: message.body,
    holders: 0,
  };
}

function earlierDeaths(headers: readonly Header[]): FieldTable[] {
  const deaths = itemsOf(headerValue(headers, 'x-death')) ?? [];
  return deaths.map(entriesOf).filter((death) => death !== undefined);
}

/** One entry per queue and reason, with a count. RabbitMQ 3.10 reverses their order each time. */
function grouped(deaths: readonly FieldTable[]): FieldTable[] {
  const groups = new Map<string, FieldTable[]>();
  for (const death of deaths) {
    const key = sameness(['queue', 'reason'].flatMap((name) => death.filter(([each]) => each === name).slice(0, 1)));
    const group = groups.get(key);
    if (group) group.push(death);
    else groups.set(key, [death]);
  }
  return [...groups.values()].map(ofGroup).reverse();
}

function ofGroup(group: readonly FieldTable[]): FieldTable {
  const [first = []] = group;
  return first.length === 0 || lookUp(first, 'count') ? first : [['count', long(group.length)], ...first];
}

function isSame(death: FieldTable, queue: string, reason: string): boolean {
  return textOf(lookUp(death, 'queue')) === queue && textOf(lookUp(death, 'reason')) === reason;
}

function firstDeath({ exchange, routingKey, properties }: Message, death: Death): FieldTable {
  return [
    ['count', long(1)],
    ['reason', longString(death.reason)],
    ['queue', longString(death.queue)],
    ['time', { type: 'T', value: BigInt(Math.floor(death.epochMs / 1000)) }],
    ['exchange', longString(exchange)],
    ['routing-keys', array([longString(routingKey)])],
    ...(properties.expiration ? [['original-expiration', longString(properties.expiration.text)] as const] : []),
  ];
}

function counted(death: FieldTable): FieldTable {
  const count = integerOf(lookUp(death, 'count')) ?? 0;
  return [['count', long(count + 1)], ...death.filter(([name]) => name !== 'count')];
}

function sorted(death: FieldTable): FieldTable {
  return death.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/**
 * Whether the message is in a dead-letter cycle: it was dead-lettered from this queue before, and no consumer
 * has rejected it since.
 *
 * @param message including its latest death.
 */
export function isDeadLetterCycle(message: Message, queue: string): boolean {
  const deaths = earlierDeaths(readHeaders(message.properties));
  const before = deaths.findIndex((death) => textOf(lookUp(death, 'queue')) === queue);
  if (before === -1) return false;
  return deaths.slice(0, before + 1).every((death) => textOf(lookUp(death, 'reason')) !== 'rejected');
}
