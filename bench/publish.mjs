/**
 * `publish` and `publish-winston`: confirmed records a second, against amqplib as most people use it, one persistent
 * message a record with confirms. Both into quorum queues as Loghive declares them.
 */
import { connect } from 'amqplib';
import { producerConfig } from '../dist/esm/src/producer-config.js';
import { logQueue } from '../dist/esm/src/wire.js';
import { compete } from './contest.mjs';
import { attendance, SERVICE } from './records.mjs';

const THEIR_SERVICE = 'yardstick';
const FULL = { rounds: 7, ours: 400_000, theirs: 20_000 };
const SHORT = { rounds: 3, ours: 200_000, theirs: 10_000 };

function publishBench(name, side, goal) {
  return {
    name,
    goal,
    theirName: 'amqplib',
    async run(arena, { short }, told) {
      const sizes = short ? SHORT : FULL;
      const { url, version } = arena.rabbitmq;
      const connection = await connect(url, { noDelay: true });
      // Lost only when the arena is cleared before the bench has ended.
      connection.on('error', () => {});
      const channel = await connection.createChannel();
      const { queues } = producerConfig('bench', { service: THEIR_SERVICE, url });
      const [ours, theirs] = [SERVICE, THEIR_SERVICE].map((service) => logQueue(service, 'INFO', queues, version));
      for (const { exchange, queue, routingKey, arguments: limits } of [ours, theirs]) {
        await channel.assertExchange(exchange, 'direct', { durable: true });
        await channel.assertQueue(queue, { durable: true, arguments: limits });
        await channel.bindQueue(queue, exchange, routingKey);
        await channel.purgeQueue(queue);
      }
      const ourSide = await arena.side(side);
      const theirSide = await arena.side('amqplib.mjs', theirs.exchange, theirs.routingKey);
      const result = await compete(
        {
          rounds: sizes.rounds,
          warmUps: 2,
          async ours() {
            const { seconds } = await ourSide.round(sizes.ours);
            return { seconds, records: sizes.ours, ...(await takeAll(channel, ours.queue, sizes.ours)) };
          },
          async theirs() {
            const { seconds } = await theirSide.round(sizes.theirs);
            return { seconds, records: sizes.theirs, ...(await takeAll(channel, theirs.queue, sizes.theirs)) };
          },
        },
        told,
      );
      await Promise.all([ourSide.end(), theirSide.end()]);
      await connection.close();
      return result;
    },
  };
}

/** Empties the queue and looks at every record in it. */
async function takeAll(channel, queue, records) {
  const { see, result } = attendance(records);
  let { messageCount: left } = await channel.checkQueue(queue);
  if (left === 0) return result();
  await channel.prefetch(2000);
  let taking;
  await new Promise((resolve) => {
    taking = channel.consume(queue, (message) => {
      for (const line of message.content.toString().split('\n')) see(JSON.parse(line).information.n);
      left--;
      if (left % 500 === 0) channel.ack(message, true);
      if (left === 0) resolve();
    });
  });
  const { consumerTag } = await taking;
  await channel.cancel(consumerTag);
  return result();
}

export const publish = publishBench('publish', 'publisher.mjs', 12);
export const publishWinston = publishBench('publish-winston', 'winston.mjs');
