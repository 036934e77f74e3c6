/** The queues that the benches publish to, declared as Loghive does, and checks of their contents. */
import { connect } from 'amqplib';
import { producerConfig } from '../dist/esm/src/producer-config.js';
import { logQueue } from '../dist/esm/src/wire.js';
import { recordCounter } from './records.mjs';

/** @param broker URL and version of the broker */
export async function openQueues({ url, version }) {
  const connection = await connect(url, { noDelay: true });
  // The connection is only lost if the environment is cleared before the bench has finished.
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  await channel.prefetch(2000);
  return {
    /**
     * Declares the empty INFO queue of a service.
     *
     * @param others additional or overriding arguments
     */
    async declare(service, others = {}) {
      const { queues } = producerConfig('bench', { service, url });
      const declared = logQueue(service, 'INFO', queues, version);
      const { exchange, queue, routingKey, arguments: limits } = declared;
      await channel.assertExchange(exchange, 'direct', { durable: true });
      await channel.assertQueue(queue, { durable: true, arguments: { ...limits, ...others } });
      await channel.bindQueue(queue, exchange, routingKey);
      await channel.purgeQueue(queue);
      return declared;
    },
    /**
     * Empties a queue and checks every record in it.
     *
     * @param numberOf returns the number of a record
     */
    async takeAll(queue, records, numberOf = ({ information }) => information.n) {
      const { see, result } = recordCounter(records);
      let { messageCount: left } = await channel.checkQueue(queue);
      if (left === 0) return result();
      let subscribed;
      await new Promise((resolve) => {
        subscribed = channel.consume(queue, (message) => {
          for (const line of message.content.toString().split('\n')) see(numberOf(JSON.parse(line)));
          left--;
          if (left % 500 === 0) channel.ack(message, true);
          if (left === 0) resolve();
        });
      });
      const { consumerTag } = await subscribed;
      await channel.cancel(consumerTag);
      return result();
    },
    close: () => connection.close(),
  };
}
