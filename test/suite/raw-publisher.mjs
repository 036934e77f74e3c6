/** Publishes arbitrary bodies with amqplib, with confirms: what other programs put into the queues. */
import amqplib from 'amqplib';

export async function openRawPublisher(url) {
  const connection = await amqplib.connect(url);
  const channel = await connection.createConfirmChannel();
  return {
    /** Resolves when every body is confirmed. */
    async publish(routingKey, bodies, properties = {}) {
      for (const body of bodies) {
        channel.publish('logs_exchange', routingKey, body, { persistent: true, mandatory: true, ...properties });
      }
      await channel.waitForConfirms();
    },
    close: () => connection.close(),
  };
}

/** A record in the wire format. Undefined fields are omitted. */
export function recordLine({ service, ref, timestamp, id, as = 'info', ...fields }) {
  const { information, ...rest } = fields;
  return JSON.stringify({
    id,
    service,
    level: as === 'warn' ? 'WARNING' : as.toUpperCase(),
    message: `order ${ref} placed`,
    information: { ref, as, ...information },
    timestamp,
    ...rest,
  });
}
