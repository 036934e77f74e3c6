/** Takes all messages of a queue, 1,000 in hand at most, and acknowledges them by the hundred, by amqplib. */
import { connect } from 'amqplib';
import { attendance } from '../records.mjs';
import { serve, timed } from './serve.mjs';

const PREFETCH = 1000;
const ACKED_AT_ONCE = 100;
const [queue, url] = process.argv.slice(2);

const connection = await connect(url, { noDelay: true });
const channel = await connection.createChannel();
await channel.prefetch(PREFETCH);

async function takeAll(records, see) {
  let taken = 0;
  let subscribed;
  await new Promise((resolve) => {
    subscribed = channel.consume(queue, (message) => {
      see(JSON.parse(message.content).information.n);
      taken++;
      if (taken % ACKED_AT_ONCE === 0 || taken === records) channel.ack(message, true);
      if (taken === records) resolve();
    });
  });
  const { consumerTag } = await subscribed;
  // The answer comes after the broker has seen the last acknowledgement.
  await channel.cancel(consumerTag);
}

serve(async (records) => {
  const { see, result } = attendance(records);
  const seconds = await timed(() => takeAll(records, see));
  return { seconds, ...result() };
});
