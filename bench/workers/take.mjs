/** Consumes all messages of a queue by amqplib with a prefetch of 1,000, and acknowledges every hundred. */
import { connect } from 'amqplib';
import { recordCounter } from '../records.mjs';
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
  // The broker answers this after it has processed the last acknowledgement.
  await channel.cancel(consumerTag);
}

serve(async (records) => {
  const { see, result } = recordCounter(records);
  const seconds = await timed(() => takeAll(records, see));
  return { seconds, ...result() };
});
