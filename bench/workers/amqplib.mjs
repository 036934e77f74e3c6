/**
 * The baseline of both publish benches, and the publisher of the benches of the development broker: amqplib, each
 * encoded line as a persistent message with a confirm, 1,000 in flight.
 */
import { connect } from 'amqplib';
import { encodedLines } from '../records.mjs';
import { serve, timed } from './serve.mjs';

const WINDOW = 1000;
const [exchange, routingKey, url = process.env.LOGHIVE_URL] = process.argv.slice(2);

const connection = await connect(url, { noDelay: true });
const channel = await connection.createConfirmChannel();
let lines = [];

function publishAll() {
  return new Promise((resolve, reject) => {
    let next = 0;
    let confirmed = 0;
    const publishOne = () => {
      channel.publish(exchange, routingKey, Buffer.from(lines[next++]), { persistent: true }, onConfirm);
    };
    const onConfirm = (error) => {
      if (error) reject(error);
      confirmed++;
      if (next < lines.length) publishOne();
      else if (confirmed === lines.length) resolve();
    };
    while (next < Math.min(WINDOW, lines.length)) publishOne();
  });
}

serve(async (records) => {
  if (lines.length !== records) lines = encodedLines(records);
  return { seconds: await timed(publishAll) };
});
