/** Fills queues as fast as the broker accepts messages, as producers do while no consumer runs. */
import amqplib from 'amqplib';
import { uuidv7 } from '../../dist/esm/src/uuid.js';
import { recordLine } from '../suite/raw-publisher.mjs';

export const RECORDS_A_FRAME = 200;
/** Bytes in flight, as in a producer. */
const WINDOW_BYTES = 16 * 1024 * 1024;
const REFUSED_PAUSE_MS = 100;

export const FRAME = 'application/x-ndjson';

/** @param url of the vhost, whose exchange and queues must exist. */
export async function openFiller(url) {
  const connection = await amqplib.connect(url, { noDelay: true });
  // A scenario may close it; the next message reports that.
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  let bytesInFlight = 0;
  let release = () => {};

  const sent = (routingKey, body, properties) =>
    new Promise((resolve) => {
      channel.publish('logs_exchange', routingKey, body, properties, (error) => resolve(!error));
    });

  /** Retries until the broker confirms: a full queue nacks. */
  async function publish(routingKey, body, properties) {
    while (!(await sent(routingKey, body, properties))) {
      await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE_MS));
    }
    bytesInFlight -= body.length;
    release();
  }

  return {
    /** Resolves when all bodies are confirmed. Bodies are created as there is room for them. */
    async fill(routingKey, bodies, contentType = FRAME) {
      const underway = new Set();
      for (const body of bodies) {
        while (bytesInFlight > 0 && bytesInFlight + body.length > WINDOW_BYTES) {
          await new Promise((resolve) => {
            release = resolve;
          });
        }
        bytesInFlight += body.length;
        const properties = { persistent: true, mandatory: true, contentType };
        const publishing = publish(routingKey, body, properties).finally(() => underway.delete(publishing));
        underway.add(publishing);
      }
      await Promise.all(underway);
    },
    async purge(queues) {
      for (const queue of queues) await channel.purgeQueue(queue);
    },
    close: () => connection.close(),
  };
}

/** The ref of the record with this number. */
export const refOf = (prefix, n) => `${prefix}-${n}`;

/**
 * Frames of small records, about 300 bytes each.
 *
 * @param about { service, as, prefix, information? } of all records.
 */
export function* frames(about, from, until) {
  for (let n = from; n < until; n += RECORDS_A_FRAME) {
    const numbers = Array.from({ length: Math.min(RECORDS_A_FRAME, until - n) }, (_, at) => n + at);
    yield Buffer.from(numbers.map((number) => lineOf(about, number)).join('\n'));
  }
}

/** Single records with a note of `noteLength` characters. */
export function* largeRecords(about, from, until, noteLength) {
  const note = 'x'.repeat(noteLength);
  for (let n = from; n < until; n++) {
    yield Buffer.from(lineOf({ ...about, information: { ...about.information, note, noteLength } }, n));
  }
}

function lineOf({ service, as, prefix, information }, n) {
  const nowMs = Date.now();
  const epochMicros = nowMs * 1000 + (n % 1000);
  return recordLine({
    service,
    as,
    ref: refOf(prefix, n),
    id: uuidv7(epochMicros),
    timestamp: new Date(nowMs).toISOString(),
    information: {
      n,
      customer: `customer-${n % 5000}`,
      path: '/orders',
      status: 201,
      region: 'eu-central',
      ...information,
    },
  });
}
