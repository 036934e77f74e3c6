/** What RabbitMQ 3.10 writes into a message that is dead-lettered, and when it drops one that goes in circles. */
import {
  array,
  type Field,
  type FieldTable,
  integerOf,
  long,
  longString,
  lookUp,
  textOf,
} from '../wire/field-table.js';
import { type Header, headerValue, readHeaders, setHeaders, withHeaders } from '../wire/properties.js';
import type { Message } from './message.js';

export type DeathReason = 'expired' | 'rejected' | 'maxlen' | 'delivery_limit';

export interface Death {
  readonly queue: string;
  readonly reason: DeathReason;
  /** The dead-letter exchange. */
  readonly exchange: string;
  /** undefined: the message keeps its own. */
  readonly routingKey: string | undefined;
  readonly epochMs: number;
}

/** The message that goes to the dead-letter exchange. */
export function deadMessage(message: Message, death: Death): Message {
  const headers = readHeaders(message.properties);
  // RabbitMQ 3.10 turns the earlier ones round each time.
  const deaths = earlierDeaths(headers).reverse();
  const index = deaths.findIndex((each) => isSame(each, death.queue, death.reason));
  const again = index === -1 ? undefined : deaths.splice(index, 1)[0];
  const latest = again === undefined ? firstDeath(message, death) : sorted(counted(again));
  const isFirst = headerValue(headers, 'x-death')?.type !== 'A';
  const set = setHeaders(headers, {
    ...(isFirst
      ? {
          'x-first-death-reason': longString(death.reason),
          'x-first-death-queue': longString(death.queue),
          'x-first-death-exchange': longString(message.exchange),
        }
      : {}),
    'x-death': array([latest, ...deaths].map((value): Field => ({ type: 'F', value }))),
  });
  return {
    exchange: death.exchange,
    routingKey: death.routingKey ?? message.routingKey,
    properties: withHeaders(message.properties, set, { keepsExpiration: false }),
    body: message.body,
    holders: 0,
  };
}

function earlierDeaths(headers: readonly Header[]): FieldTable[] {
  const field = headerValue(headers, 'x-death');
  if (field?.type !== 'A') return [];
  return field.value.flatMap((each) => (each.type === 'F' ? [each.value] : []));
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
 * A message that has died in this queue before, and nowhere since because a consumer rejected it, would go round for ever.
 *
 * @param message with its latest death
 */
export function goesInCircles(message: Message, queue: string): boolean {
  const deaths = earlierDeaths(readHeaders(message.properties));
  const before = deaths.findIndex((death) => textOf(lookUp(death, 'queue')) === queue);
  if (before === -1) return false;
  return deaths.slice(0, before + 1).every((death) => textOf(lookUp(death, 'reason')) !== 'rejected');
}
