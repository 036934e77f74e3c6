/**
 * The last step of `loghive doctor`: a record travels from the exchange through a queue and a consumer into the table,
 * and is removed from there. It is a record of service `loghive-doctor`, at level DEBUG, so that no alert is sent, in
 * the DEBUG queue of a service that has a consumer: a queue of its own would stay behind.
 */
import type { Inspection, PrivilegeFacts } from '../../consumer/store/index.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { encodeRecord } from '../../src/record.js';
import { sleep } from '../../src/time/time-limit.js';
import { formatTimestamp, timestampFromMicros } from '../../src/time/timestamp.js';
import { uuidv7 } from '../../src/uuid.js';
import { LOGS_EXCHANGE, laneOf, routingKey } from '../../src/wire.js';
import type { QueueFacts } from './look-at-queues.js';
import { type Published, publishOnce } from './publish-once.js';
import type { Step } from './steps.js';
import { failed, ok, skipped, type Verdict } from './verdict.js';

const PROBE_SERVICE = 'loghive-doctor';

const PUBLISH_MS = 3000;
const STORE_MS = 10_000;
const POLL_MS = 20;
const MAX_BYTES = 4096;

export interface WholeWayOptions {
  readonly inspection: Inspection;
  readonly connect: (signal: AbortSignal) => Promise<OpenConnection>;
  readonly queues: readonly QueueFacts[];
}

export function wholeWayStep({ inspection, connect, queues }: WholeWayOptions): Step {
  async function run(signal: AbortSignal): Promise<Verdict> {
    const queue = laneWithConsumer(queues);
    if (queue === undefined) return NO_CONSUMER;
    if (!mayRemove(await inspection.privileges())) return NOT_REMOVABLE;
    const service = laneOf(queue)!.service;
    const micros = Date.now() * 1000;
    const id = uuidv7(micros);
    const timestamp = formatTimestamp(timestampFromMicros(micros));
    const input = { service: PROBE_SERVICE, level: 'DEBUG', message: 'sent by loghive doctor' } as const;
    const content = Buffer.from(encodeRecord(input, { id, epochMicros: micros }, MAX_BYTES));
    const options = { contentType: 'application/json', persistent: true, timestamp: Math.floor(micros / 1e6) };
    const message = { exchange: LOGS_EXCHANGE, routingKey: routingKey(service, 'DEBUG'), content, options };
    const connection = await connect(signal);
    const sentMs = performance.now();
    const published = await publishOnce(connection, message, PUBLISH_MS);
    const fault = judgePublished(published, queue, message.routingKey);
    if (fault !== undefined) return fault;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(STORE_MS)]);
    while (!limit.aborted) {
      if (await inspection.removeRecord(timestamp, id)) {
        const ms = Math.round(performance.now() - sentMs);
        return ok(`a record was in the table ${ms} ms after it was published to queue ${queue}; it is removed again`);
      }
      await sleep(POLL_MS, limit);
    }
    return failed(
      `a record was confirmed by the broker, but is not in the table after ${STORE_MS / 1000} s`,
      `See /status and the log of the consumer of queue ${queue}: it may be paused, behind, or store into another database or schema. The record (id ${id}, service ${PROBE_SERVICE}) may still be stored later.`,
    );
  }
  return { name: 'record', run, limitMs: PUBLISH_MS * 2 + STORE_MS + 2000 };
}

const NO_CONSUMER = skipped('no consumer is running: no DEBUG queue of a known service has one');
const NOT_REMOVABLE = skipped(
  'the record could not be removed again: the user lacks the privilege to delete from the table of records',
);

/** Pure. */
export function laneWithConsumer(queues: readonly QueueFacts[]): string | undefined {
  return queues.find(({ queue, consumers }) => consumers > 0 && laneOf(queue)?.level === 'DEBUG')?.queue;
}

function mayRemove({ tables }: PrivilegeFacts): boolean {
  return tables.get('records')?.has('delete') ?? false;
}

/** Why the record cannot arrive. Pure. */
export function judgePublished({ answer, blocked }: Published, queue: string, key: string): Verdict | undefined {
  if (blocked !== undefined) return skipped(`the broker blocks publishers: ${blocked}`);
  switch (answer.kind) {
    case 'confirmed':
      return undefined;
    case 'returned':
      return failed(
        `queue ${queue} is not bound to ${LOGS_EXCHANGE} by ${key}: the broker returned the record`,
        'Restart a producer or the consumer of the service, which binds it.',
      );
    case 'nacked':
      return failed(`the broker refused the record (nack)`, `Queue ${queue} is probably full: loghive status.`);
    case 'refused':
      return failed(`the broker refused the record: ${answer.text}`, 'Grant the permission to write to the exchange.');
    case 'none':
      return failed(
        `the broker did not confirm the record within ${PUBLISH_MS / 1000} s`,
        'A quorum queue without a majority of its nodes confirms nothing: see its log.',
      );
  }
}
